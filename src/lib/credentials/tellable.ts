/** The server's text is kept short and on one line; a proxy may answer with a page of HTML. */
const kMaxDetails = 200

/**
 * A server's text as logs and status pages may show it: short, on one line. Servers do quote the credentials they refuse:
 * header values (and each word of them, as in `Bearer TOKEN`) are taken out.
 *
 * @param secrets - the header values sent
 */
export function tellable(text: string, secrets: Iterable<string>): string {
  return oneLine(withoutSecrets(text, secrets))
}

/** Shorter ones are taken out where they stand alone: "v1" within other words would garble every message. */
const kMinInside = 6

/** The longest first: of a secret that begins like a shorter one, the rest would stay. */
function withoutSecrets(text: string, secrets: Iterable<string>): string {
  return [...secrets]
    .flatMap((secret) => [secret, ...secret.split(/\s+/).filter((word) => word.length >= kMinInside)])
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(patternOf(secret), '[REDACTED]'), text)
}

function patternOf(secret: string): RegExp {
  const literal = secret.replace(/[^\w\s]/g, '\\$&')
  return new RegExp(secret.length >= kMinInside ? literal : `(?<!\\w)${literal}(?!\\w)`, 'g')
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, kMaxDetails)
}
