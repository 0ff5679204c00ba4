// The input rows: what stands in each cell, and what must be in the account when
// the row has been imported.
import * as world from './world.mjs'
import { random } from './server.mjs'

const zone = 'Europe/Berlin'
const pad = (n, w = 2) => String(n).padStart(w, '0')

// utc turns a wall time of the zone into the text that HubSpot keeps.
export function utc(wall) {
  const guess = Date.parse(`${wall}Z`)
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' }).formatToParts(guess).map((p) => [p.type, p.value]))
  const shown = Date.parse(`${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}Z`)
  return new Date(guess - (shown - Math.floor(guess / 1000) * 1000)).toISOString().replace('.000Z', 'Z')
}

// A column: its header, the property it goes to, and a value made of chance: the
// cell's text in a CSV, the cell of a workbook if it differs, and what is stored.
const choice = (pick, list) => list[Math.floor(pick() * list.length)]
const chance = (pick, p) => pick() < p

const texts = [
  'Motor läuft nicht', '  mit Blanken davor', 'danach  ', 'mit "Anführung" und; Semikolon, Komma', '=SUMME(A1)', '+49 30 1234', '-', '007',
  'Zeile eins\nZeile zwei\n\nZeile vier', 'Tab\tim Text', '1,5', '31.12.2024', 'TRUE', '_x0041_ bleibt', "'apostrophe", '#N/A als Text im Satz', 'Ende;',
]
const wide = ['日本語のチケット', 'emoji 🛠️ und е́', '\u00a0geschützt\u00a0', 'rechts\u200fnach links']

function day(pick) {
  return `${2019 + Math.floor(pick() * 6)}-${pad(1 + Math.floor(pick() * 12))}-${pad(1 + Math.floor(pick() * 28))}`
}
const german = (iso) => `${iso.slice(8, 10)}.${iso.slice(5, 7)}.${iso.slice(0, 4)}`
const moment = (pick) => `${day(pick)}T${pad(5 + Math.floor(pick() * 16))}:${pad(Math.floor(pick() * 60))}:${pad(Math.floor(pick() * 60))}`
const group = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, '.')
const option = (name) => (pick) => {
  const o = choice(pick, world.properties.tickets.find((p) => p.name === name).options)
  return { csv: chance(pick, 0.3) ? o.value : chance(pick, 0.3) ? ` ${o.label.toUpperCase()} ` : o.label, stored: o.value }
}

const columns = [
  { header: 'Gebiet', property: 'area', make: option('area') },
  { header: 'Priorität', property: 'hs_ticket_priority', make: option('hs_ticket_priority') },
  {
    header: 'Farben', property: 'tints', extra: ', split: "|"',
    make(pick) {
      const some = world.properties.tickets.find((p) => p.name === 'tints').options.filter(() => chance(pick, 0.5))
      return some.length ? { csv: some.map((o) => o.label).join(' | '), stored: some.map((o) => o.value).join(';') } : null
    },
  },
  {
    header: 'VIP', property: 'vip',
    make(pick) {
      const yes = chance(pick, 0.5)
      return { csv: yes ? choice(pick, ['ja', 'Ja', 'x', '1', 'true']) : choice(pick, ['nein', '0', 'false']), xlsx: { bool: yes }, stored: String(yes) }
    },
  },
  { header: 'Fällig', property: 'due_on', make: (pick) => ((d) => ({ csv: german(d), xlsx: { date: d }, stored: d }))(day(pick)) },
  {
    header: 'Zugesagt', property: 'promised_at',
    make: (pick) => ((m) => ({ csv: `${german(m)} ${m.slice(11)}`, xlsx: { moment: m }, stored: utc(m) }))(moment(pick)),
  },
  {
    header: 'Angelegt', property: 'createdate', extra: ', dates: iso',
    make: (pick) => ((m) => ({ csv: `${m}+05:30`, stored: new Date(`${m}+05:30`).toISOString().replace('.000Z', 'Z') }))(moment(pick)),
  },
  {
    header: 'Betrag', property: 'amount',
    make(pick) {
      const cents = Math.floor(pick() * 1e8)
      const stored = `${chance(pick, 0.2) && cents ? '-' : ''}${Math.floor(cents / 100)}.${pad(cents % 100)}`
      const [whole, part] = stored.split('.')
      return { csv: `${whole.startsWith('-') ? '-' : ''}${group(whole.replace('-', ''))},${part}`, xlsx: { number: String(Number(stored)) }, stored, storedXLSX: String(Number(stored)) }
    },
  },
  {
    header: 'Serie', property: 'serial',
    make: (pick) => ((n) => ({ csv: n, stored: n }))(`9${pad(Math.floor(pick() * 1e8), 8)}${pad(Math.floor(pick() * 1e9), 9)}`),
  },
  { header: 'PLZ', property: 'zip', make: (pick) => ((z) => ({ csv: z, stored: z }))(pad(Math.floor(pick() * 1e5), 5)) },
  { header: 'Rückruf', property: 'hotline', make: (pick) => ((t) => ({ csv: t, stored: t }))(`+49 (0)30 ${1000 + Math.floor(pick() * 9000)}-${Math.floor(pick() * 99)}`) },
  { header: 'Bemerkung', property: 'remark', make: (pick, narrow) => ((t) => ({ csv: t, stored: t }))(choice(pick, narrow ? texts : [...texts, ...wide])) },
  {
    header: 'Bearbeiter', property: 'hubspot_owner_id',
    make(pick) {
      const o = choice(pick, world.owners)
      const name = o.lastName === 'Kurz' ? o.email : `${o.firstName} ${o.lastName}`
      return { csv: choice(pick, [o.email.toUpperCase(), o.id, name]), stored: o.id }
    },
  },
]

export const keyColumn = 'Aktenzeichen'
export const headers = [keyColumn, 'Betreff', 'Text', 'Weg', 'Stand', ...columns.map((c) => c.header), 'E-Mail', 'Haus', 'Zweitkontakt', 'Debitor']

// makeRows makes n rows. Each is {cells: header → {csv, xlsx?}, properties, links,
// bad}: `links` are texts "type id category:typeId,…", and `bad` is the header of
// the cell for which the row must be rejected.
export function makeRows(n, seed, { narrow = false, bad = 0, poison = 0, from = 0 } = {}) {
  const pick = random(seed)
  return Array.from({ length: n }, (_, i) => makeRow(pick, from + i, { narrow, bad, poison }))
}

const keys = [(i) => `A-${pad(i, 6)}`, (i) => pad(i, 9), (i) => `9007199254${pad(i, 8)}`, (i) => `Ä/${i} x`]

function makeRow(pick, i, { narrow, bad, poison }) {
  const row = { cells: {}, properties: {}, links: [], key: choice(pick, keys)(i), bad: null, poison: false }
  const put = (header, property, cell) => {
    row.cells[header] = cell
    if (cell && property) row.properties[property] = cell.stored
  }
  row.poison = chance(pick, poison)
  const subject = `${row.poison ? 'POISON ' : ''}Akte ${seedless(i)} ${choice(pick, texts)}`.replaceAll('\n', ' ')
  put(keyColumn, null, { csv: row.key })
  put('Betreff', 'subject', { csv: subject, stored: subject })
  const body = chance(pick, 0.9) ? `${choice(pick, texts)}\n${i}\r\n${choice(pick, narrow ? texts : wide)}` : null
  put('Text', 'content', body && { csv: body, stored: body })
  const pipeline = choice(pick, world.pipelines)
  const stage = choice(pick, pipeline.stages)
  put('Weg', 'hs_pipeline', { csv: choice(pick, [pipeline.label, pipeline.id]), stored: pipeline.id })
  put('Stand', 'hs_pipeline_stage', { csv: choice(pick, [stage.label, stage.id, stage.label.toLowerCase()]), stored: stage.id })
  for (const c of columns) put(c.header, c.property, chance(pick, 0.8) ? c.make(pick, narrow) : null)
  putLinks(row, pick)
  if (chance(pick, bad)) spoil(row, pick)
  return row
}

const seedless = (i) => pad(i, 6)

function putLinks(row, pick) {
  const contact = choice(pick, world.contacts)
  const second = choice(pick, world.contacts.filter((c) => c !== contact))
  const company = choice(pick, world.companies.slice(2))
  const debtor = choice(pick, world.companies.filter((c) => c !== company))
  const link = (header, csv, entry) => {
    row.cells[header] = chance(pick, 0.7) ? { csv } : null
    if (row.cells[header]) row.links.push(entry)
  }
  const extra = contact.properties.hs_additional_emails?.split(';')
  link('E-Mail', extra ? choice(pick, extra) : contact.properties.email.replace('kunde', 'Kunde'), `contacts ${contact.id} HUBSPOT_DEFINED:16,USER_DEFINED:61`)
  link('Haus', company.properties.domain.toUpperCase(), `companies ${company.id} HUBSPOT_DEFINED:26,HUBSPOT_DEFINED:339`)
  link('Zweitkontakt', second.id, `contacts ${second.id} HUBSPOT_DEFINED:16`)
  link('Debitor', debtor.properties.debtor, `companies ${debtor.id} HUBSPOT_DEFINED:339,USER_DEFINED:71`)
}

const mistakes = {
  Gebiet: ['Nordost', 'opt_9F2'],
  Priorität: ['egal'],
  Farben: ['Rot|Lila'],
  VIP: ['vielleicht'],
  Fällig: ['31.02.2024', '2024-13-01', '05/06/24', '12.12.24'],
  Zugesagt: ['30.03.2025 02:30:00', '26.10.2025 02:30:00', '1.1.2024 25:00:00'],
  Betrag: ['1,234.56', '12 €', '1e5', '0.500'],
  Serie: ['12a', '--5'],
  Rückruf: ['keins'],
  Bearbeiter: ['Mia Kurz', 'niemand@werk.example'],
  'E-Mail': ['keiner@haus.example', 'ohne-at'],
  Haus: ['doppelt.example', 'fehlt.example'],
  Zweitkontakt: ['20071992547409932', '0'],
  Debitor: ['D9999'],
  Stand: ['Neuer', 'Abgeholt und weg'],
  Betreff: [''],
}

// spoil puts a mistake into one cell.
function spoil(row, pick) {
  row.bad = choice(pick, Object.keys(mistakes))
  const text = choice(pick, mistakes[row.bad])
  row.cells[row.bad] = text === '' ? null : { csv: text }
}

// table lays rows out as the cells of a file.
export function table(rows, kind) {
  const cell = (row, h) => {
    const c = row.cells[h]
    return !c ? null : kind === 'xlsx' ? c.xlsx ?? c.csv : c.csv
  }
  return [headers, ...rows.map((row) => headers.map((h) => cell(row, h)))]
}

// expected returns what must be stored of a row, by property.
export function expected(row, kind) {
  const properties = { ...row.properties }
  for (const c of columns) {
    const cell = row.cells[c.header]
    if (kind === 'xlsx' && cell?.storedXLSX !== undefined) properties[c.property] = cell.storedXLSX
  }
  return properties
}

// mapping writes the mapping for all the columns.
export function mapping(operation, { key = false, associations = true, blank = 'ignore', only = null } = {}) {
  const lines = ['version: 1', `operation: ${operation}`, `source: {timezone: ${zone}, dates: dmy, decimal: ",", blank: ${blank}}`]
  if (key) lines.push(`key: {property: ${key === true ? 'legacy_ref' : key}, column: ${keyColumn}}`)
  const fields = [
    ['subject', 'Betreff', ''], ['content', 'Text', ''], ['hs_pipeline', 'Weg', ''], ['hs_pipeline_stage', 'Stand', ''],
    ...columns.map((c) => [c.property, c.header, c.extra ?? '']),
  ].filter(([property]) => !only || only.includes(property))
  if (!['delete', 'associate', 'dissociate'].includes(operation)) {
    lines.push('properties:', ...fields.map(([property, header, extra]) => `  ${property}: {column: ${header}${extra}}`))
  }
  if (associations) {
    lines.push('associations:',
      '  - {to: contacts, column: E-Mail, match: email, label: Melder}',
      '  - {to: companies, column: Haus, match: domain, type: primary}',
      '  - {to: contacts, column: Zweitkontakt, match: id}',
      '  - {to: companies, column: Debitor, match: debtor, label: Zahler}')
  }
  return `${lines.join('\n')}\n`
}
