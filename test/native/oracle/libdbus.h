#pragma once

#include <dbus/dbus.h>

#include <string>

#include "support/walk.h"

namespace unitscope::test {

/// What libdbus makes of bytes that are to be one message.
struct LibdbusView {
  bool taken = false;
  /// Of a message that was taken: its header fields and its values, in Speaker's words; else why it was not.
  std::string words;
};

inline void speak(DBusMessageIter& at, Speaker& out) {
  for (int type; (type = dbus_message_iter_get_arg_type(&at)) != DBUS_TYPE_INVALID; dbus_message_iter_next(&at)) {
    const char code = static_cast<char>(type == DBUS_TYPE_STRUCT ? '(' : type == DBUS_TYPE_DICT_ENTRY ? '{' : type);
    if (type == DBUS_TYPE_UNIX_FD) {
      out.words += "h ";  // reading one would duplicate a descriptor
    } else if (dbus_type_is_fixed(type)) {
      DBusBasicValue value{};
      dbus_message_iter_get_basic(&at, &value);
      switch (dbus::alignment_of(code)) {
        case 1: out.number(code, value.byt); break;
        case 2: out.number(code, value.u16); break;
        case 4: out.number(code, value.u32); break;
        default: out.number(code, value.u64);
      }
    } else if (dbus_type_is_basic(type)) {
      const char* text = nullptr;
      dbus_message_iter_get_basic(&at, &text);
      out.text(code, text);
    } else {
      out.open(code, {});
      DBusMessageIter inner;
      dbus_message_iter_recurse(&at, &inner);
      speak(inner, out);
      out.close(code);
    }
  }
}

inline std::string field_words(const char* text) { return std::string(text == nullptr ? "" : text) + " "; }

inline LibdbusView ask_libdbus(Bytes bytes) {
  if (bytes.empty()) return {false, "nothing"};
  DBusError error = DBUS_ERROR_INIT;
  DBusMessage* const message = dbus_message_demarshal(reinterpret_cast<const char*>(bytes.data()), static_cast<int>(bytes.size()), &error);
  if (message == nullptr) {
    const std::string why(error.message);
    dbus_error_free(&error);
    return {false, why};
  }
  Speaker out{ByteOrder::kLittle, {}};
  out.words = std::to_string(dbus_message_get_type(message)) + " " + std::to_string(dbus_message_get_serial(message)) + " " +
              std::to_string(dbus_message_get_reply_serial(message)) + " ";
  for (const auto get : {dbus_message_get_path, dbus_message_get_interface, dbus_message_get_member, dbus_message_get_error_name,
                         dbus_message_get_destination, dbus_message_get_sender, dbus_message_get_signature}) {
    out.words += field_words(get(message));
  }
  DBusMessageIter at;
  if (dbus_message_iter_init(message, &at)) speak(at, out);
  dbus_message_unref(message);
  return {true, out.words};
}

}  // namespace unitscope::test
