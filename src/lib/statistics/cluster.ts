import { binomialAtLeast } from './counts.js'

/** Events that lie closer together than chance would have it. */
export interface Cluster {
  /** Indexes of its first and last event among the shares given; `last` < `first` where it goes over the cut of a circle. */
  readonly first: number
  readonly last: number
  /** Groups (days) with events in it, and the share of all exposure that it covers. */
  readonly count: number
  readonly share: number
  /** All clusters that were possible counted. */
  readonly pValue: number
}

export interface ClusterSearch {
  /** The shares are places on a circle of circumference 1, else on a line. */
  readonly circular: boolean
  /** All events, where those given are only the ones that may be in a cluster. */
  readonly events?: number
  /** Events of one group count once in a cluster, since they may have one cause. May depend on where the cluster begins. */
  readonly group?: (event: number, first: number) => number
  /** A cluster covers at least this share, however close its events are: as fine as exposure is known. */
  readonly least: (first: number, last: number) => number
  /** Widest cluster, as a share. */
  readonly most: number
  /** It holds at least this part of all events, and so many times what its share would. */
  readonly minPart: number
  readonly minLift: number
}

/**
 * The least probable cluster: a scan over all pairs of events as its ends (scan statistic; Naus 1965). Given the ends, the
 * others fall between them with the probability of the share between, so P(Binomial(n - 2, share) >= count - 2); and there are
 * n (n - 1) pairs on a circle, half on a line, by which Bonferroni corrects whatever the shape of the data. O(n²).
 *
 * @param shares - ascending, uniform in [0, 1] under chance (see `exposureShare`)
 * @returns undefined where no cluster is large and dense enough
 */
export function densestCluster(shares: Float64Array, search: ClusterSearch): Cluster | undefined {
  const given = shares.length
  const n = search.events ?? given
  const pairs = (n * (n - 1)) / (search.circular ? 1 : 2)
  let best: Cluster | undefined
  for (let first = 0; first < given; first++) {
    const seen = new Set<number>()
    if (search.group !== undefined) seen.add(search.group(first, first))
    const reach = search.circular ? first + given : given
    for (let next = first + 1; next < reach; next++) {
      const last = next < given ? next : next - given
      const width = shares[last]! - shares[first]! + (next < given ? 0 : 1)
      if (search.group !== undefined) seen.add(search.group(last, first))
      const share = Math.max(width, search.least(first, last))
      if (share > search.most) break
      const count = search.group === undefined ? next - first + 1 : seen.size
      if (count < search.minPart * n || count < search.minLift * share * n) continue
      const pValue = Math.min(1, binomialAtLeast(count - 2, n - 2, share) * pairs)
      if (best === undefined || pValue < best.pValue) best = { first, last, count, share, pValue }
    }
  }
  return best
}
