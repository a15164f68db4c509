/** Object path of a unit: each byte outside [A-Za-z0-9], and a leading digit, is `_` and two hex digits (sd_bus_path_encode(3)). */
export function unitPath(unit: string): string {
  // Asked for each property of each unit.
  const label = /^[\x20-\x7e]+$/.test(unit) ? unit : Buffer.from(unit).toString('latin1')
  const escaped = label.replace(
    /[^A-Za-z0-9]|^[0-9]/g,
    (char) => `_${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `/org/freedesktop/systemd1/unit/${escaped === '' ? '_' : escaped}`
}
