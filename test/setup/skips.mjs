// Where CI=true, a test of the lab or the VM that is skipped fails `npm test`, unless its reason stands here: a runner that
// lost its privileges would otherwise test a fraction, and be green.

/** Reasons as they stand in the titles of the tests. */
const allowed = [
  // The demo's recording is played only where there is no systemd to watch.
  'this machine has a systemd',
  // The VM's kernel is Debian's for x86_64.
  'lab vm: needs an x86_64 machine',
  // The check of Debian's package names is for Debian.
  'no dpkg on this machine',
]

/**
 * Those of the skipped tests that this run may not skip.
 *
 * @param {readonly string[]} skips titles of skipped tests
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]}
 */
export function forbiddenSkips(skips, env) {
  if (env.CI !== 'true') return []
  return skips.filter((title) => !allowed.some((reason) => title.includes(`[skipped: ${reason}`)))
}
