#pragma once

namespace unitscope {

/// Gives memory that malloc(3) holds free back to the kernel: malloc_trim(3). Takes about a millisecond for 20 MB, with the
/// allocator locked for other threads. Does nothing where the C library is not glibc. Any thread.
void release_free_memory() noexcept;

}  // namespace unitscope
