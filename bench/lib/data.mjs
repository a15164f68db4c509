/** @type {string | undefined} */
let folder

/** What `--data DIR` names: data that the repository does not hold. */
export const dataFolder = () => folder

/** @param {string | undefined} path */
export function setDataFolder(path) {
  folder = path
}
