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

/** Shorter words ("v1") are no secrets, and taking them out would garble every message. */
const kMinSecret = 6

/** The longest first: of a secret that begins like a shorter one, the rest would stay. */
function withoutSecrets(text: string, secrets: Iterable<string>): string {
  return [...secrets]
    .flatMap((secret) => [secret, ...secret.split(/\s+/)])
    .filter((word) => word.length >= kMinSecret)
    .sort((a, b) => b.length - a.length)
    .reduce((rest, word) => rest.replaceAll(word, '[REDACTED]'), text)
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, kMaxDetails)
}
