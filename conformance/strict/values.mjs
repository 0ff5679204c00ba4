// What HubSpot takes as the value of a property, and whether it stands in the very
// text that HubSpot keeps. Source: hubspot's property and pipeline documentation.

const numberText = /^-?(0|[1-9]\d*)(\.\d+)?$/
const dateText = /^\d{4}-\d\d-\d\d$/
const momentText = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/
const maxText = 65536

const existing = (text) => {
  const t = new Date(text)
  return !Number.isNaN(t.getTime()) && t.toISOString().slice(0, 10) === text.slice(0, 10)
}

const judges = {
  string: (_, v) => (v.length > maxText ? ['INVALID_STRING', `longer than ${maxText} characters`] : null),
  number: (_, v) => (numberText.test(v) ? null : ['INVALID_INTEGER', 'was not a valid number']),
  bool: (_, v) => (v === 'true' || v === 'false' ? null : ['INVALID_OPTION', 'is neither true nor false']),
  date: (_, v) => (dateText.test(v) && existing(v) ? null : ['INVALID_DATE', 'is not a date such as 2024-01-31']),
  datetime: (_, v) =>
    momentText.test(v) && !v.endsWith('.000Z') && existing(v) ? null : ['INVALID_LONG', 'is not a moment as HubSpot keeps it'],
  phone_number: (_, v) => (/^\+?[\d ().\/x-]{3,}$/.test(v) ? null : ['INVALID_PHONE_NUMBER', 'is no telephone number']),
  enumeration(p, v) {
    if (p.externalOptions) return null
    const parts = p.fieldType === 'checkbox' ? v.split(';') : [v]
    if (new Set(parts).size !== parts.length) return ['INVALID_OPTION', 'names an option twice']
    const strange = parts.find((part) => !p.options.some((o) => o.value === part))
    return strange === undefined ? null : ['INVALID_OPTION', `"${strange}" was not one of the allowed options`]
  },
}

// fault returns [code, what is wrong] of a value that is sent for a property, or
// null. The empty text, which clears a property, is none.
export function fault(property, value) {
  if (typeof value !== 'string') return ['NOT_TEXT', `is sent as ${value === null ? 'null' : typeof value}, HubSpot keeps text`]
  if (value === '') return null
  if (property.type !== 'string' && value !== value.trim()) return ['NOT_TRIMMED', 'has blanks around it']
  return judges[property.type](property, value)
}

// same tells whether two values of a property mean the same.
export function same(property, a, b) {
  const [x, y] = [a ?? '', b ?? '']
  if (x === y) return true
  if (x === '' || y === '') return false
  if (property.fieldType === 'checkbox') return x.split(';').sort().join(';') === y.split(';').sort().join(';')
  if (property.type === 'number') return plain(x) === plain(y)
  return false
}

const plain = (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
