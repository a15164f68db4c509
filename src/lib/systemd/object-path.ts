/** Object path of a unit: each byte outside [A-Za-z0-9], and a leading digit, is `_` and two hex digits (sd_bus_path_encode(3)). */
export function unitPath(unit: string): string {
  let label = ''
  for (const [index, byte] of Buffer.from(unit).entries()) {
    const char = String.fromCharCode(byte)
    const plain = /[A-Za-z]/.test(char) || (index > 0 && /[0-9]/.test(char))
    label += plain ? char : `_${byte.toString(16).padStart(2, '0')}`
  }
  return `/org/freedesktop/systemd1/unit/${label === '' ? '_' : label}`
}
