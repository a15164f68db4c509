/** The part of node-gyp-build 4 that is used; it brings no types. */
declare module 'node-gyp-build' {
  /** Path of the addon of the package at `root`. Throws when there is none for this platform. */
  const build: { resolve(root: string): string }
  export default build
}
