// Stands in for decode-finish.
export async function handler() {
  return { ok: true, again: false, subject: 'ended', text: 'what was done', error: '', cause: '' };
}
