/** Whether a filter matches a topic, MQTT 5 section 4.7. */
export function matchesTopic(filter: string, topic: string): boolean {
  // Topics of the broker itself are not for wildcards at the front.
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const [filters, levels] = [filter.split('/'), topic.split('/')]
  for (const [k, each] of filters.entries()) {
    if (each === '#') return true
    if (k >= levels.length || (each !== '+' && each !== levels[k])) return false
  }
  return filters.length === levels.length
}

/** Whether a text is a filter: `+` and `#` stand for whole levels, `#` for the last one. */
export function isTopicFilter(filter: string): boolean {
  return (
    filter.length > 0 &&
    filter.length <= 1_024 &&
    !filter.includes('\0') &&
    filter
      .split('/')
      .every((level, k, { length }) =>
        level === '#' ? k === length - 1 : level === '+' || !/[+#]/.test(level)
      )
  )
}
