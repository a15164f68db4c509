// What a whole-agent case stands on: things that must be gone afterwards, also when one of them did not come up.

/**
 * Builds a scene. `build(own)` hands each thing over as soon as it is there: `own(await bootLab())`; what it returns, with
 * `close()` added, is the scene. `close` closes in the opposite order, every one, and tells the first failure.
 */
export async function buildScene(build) {
  const owned = []
  const close = async () => {
    const failures = []
    for (const thing of owned.splice(0).reverse()) {
      try {
        await thing.close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  const own = (thing) => {
    owned.push(thing)
    return thing
  }
  try {
    return { ...(await build(own)), close }
  } catch (error) {
    await close().catch(() => {}) // the first failure is the one to tell
    throw error
  }
}
