// CSV and XLSX, just enough to write the inputs and to read the exports. A cell is
// null, a text, or one of {number}, {bool}, {date} (a day) and {moment} (wall time),
// the latter two as ISO text without an offset.
import { deflateRawSync, inflateRawSync } from 'node:zlib'

// ---- CSV ----

export function csv(rows, { delimiter = ',', newline = '\r\n' } = {}) {
  const special = new RegExp(`["\\r\\n${delimiter}]|^\\s|\\s$`)
  const cell = (v) => (v === null ? '' : special.test(v) ? `"${v.replaceAll('"', '""')}"` : v)
  return rows.map((r) => r.map(cell).join(delimiter)).join(newline) + newline
}

export function parseCSV(text) {
  const rows = []
  let row = []
  let field = ''
  let quoted = false
  for (let i = text.charCodeAt(0) === 0xfeff ? 1 : 0; i < text.length; i++) {
    const c = text[i]
    if (quoted) {
      if (c !== '"') field += c
      else if (text[i + 1] === '"') field += text[++i]
      else quoted = false
    } else if (c === '"') quoted = true
    else if (c === ',') row = [...row, field], (field = '')
    else if (c === '\n') rows.push([...row, field.replace(/\r$/, '')]), (row = []), (field = '')
    else field += c
  }
  if (field || row.length) rows.push([...row, field])
  return rows
}

// ---- XLSX ----

const escape = (s) =>
  s
    .replace(/_x[0-9A-Fa-f]{4}_/g, (m) => `_x005F${m}`)
    .replace(/\r/g, '_x000D_')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')

export function columnName(i) {
  return i < 26 ? String.fromCharCode(65 + i) : columnName(Math.floor(i / 26) - 1) + columnName(i % 26)
}

// serial is Excel's number of a wall time.
function serial(iso, date1904) {
  const days = Date.parse(`${iso.length === 10 ? `${iso}T00:00:00` : iso}Z`) / 86400000 + 25569
  return date1904 ? days - 1462 : days
}

function cellXML(v, ref, strings, date1904) {
  if (v === null) return ''
  if (typeof v === 'string') return `<c r="${ref}" t="s"><v>${strings(v)}</v></c>`
  if ('number' in v) return `<c r="${ref}"><v>${v.number}</v></c>`
  if ('bool' in v) return `<c r="${ref}" t="b"><v>${v.bool ? 1 : 0}</v></c>`
  const [iso, style] = 'date' in v ? [v.date, 1] : [v.moment, 2]
  return `<c r="${ref}" s="${style}"><v>${serial(iso, date1904)}</v></c>`
}

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const rels = 'http://schemas.openxmlformats.org/package/2006/relationships'
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

export function xlsx(rows, { date1904 = false } = {}) {
  const table = new Map()
  const strings = (s) => (table.has(s) ? table.get(s) : table.set(s, table.size).get(s))
  const body = rows
    .map((r, i) => `<row r="${i + 1}">${r.map((v, j) => cellXML(v, `${columnName(j)}${i + 1}`, strings, date1904)).join('')}</row>`)
    .join('')
  const part = (type) => `application/vnd.openxmlformats-officedocument.spreadsheetml.${type}+xml`
  return zip({
    '[Content_Types].xml': `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${part('sheet.main')}"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${part('worksheet')}"/><Override PartName="/xl/styles.xml" ContentType="${part('styles')}"/><Override PartName="/xl/sharedStrings.xml" ContentType="${part('sharedStrings')}"/></Types>`,
    '_rels/.rels': `${head}<Relationships xmlns="${rels}"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `${head}<workbook xmlns="${main}" xmlns:r="${office}"><workbookPr${date1904 ? ' date1904="1"' : ''}/><sheets><sheet name="Akten" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `${head}<Relationships xmlns="${rels}"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/styles" Target="styles.xml"/><Relationship Id="rId3" Type="${office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
    'xl/styles.xml': `${head}<styleSheet xmlns="${main}"><numFmts count="2"><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/><numFmt numFmtId="165" formatCode="dd\\.mm\\.yyyy\\ hh:mm:ss"/></numFmts><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': `${head}<worksheet xmlns="${main}"><sheetData>${body}</sheetData></worksheet>`,
    'xl/sharedStrings.xml': `${head}<sst xmlns="${main}" count="${table.size}" uniqueCount="${table.size}">${[...table.keys()].map((s) => `<si><t xml:space="preserve">${escape(s)}</t></si>`).join('')}</sst>`,
  })
}

const unescape = (s) =>
  s
    .replace(/&#(x?)([0-9a-fA-F]+);/g, (_, x, n) => String.fromCodePoint(parseInt(n, x ? 16 : 10)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
    .replace(/_x([0-9A-Fa-f]{4})_/g, (_, n) => String.fromCharCode(parseInt(n, 16)))
const texts = (xml) => [...xml.matchAll(/<t(?: [^>]*)?>([^<]*)<\/t>/g)].map((m) => unescape(m[1])).join('')

// parseXLSX reads the first sheet of an export. Dates come as {serial}.
export function parseXLSX(buffer) {
  const files = unzip(buffer)
  const shared = [...(files['xl/sharedStrings.xml'] ?? '').matchAll(/<si>(.*?)<\/si>/gs)].map((m) => texts(m[1]))
  const styles = files['xl/styles.xml'] ?? ''
  const xfs = [.../<cellXfs.*?<\/cellXfs>/s.exec(styles)[0].matchAll(/<xf [^>]*numFmtId="(\d+)"/g)].map((m) => Number(m[1]))
  const codes = new Map([...styles.matchAll(/<numFmt [^>]*>/g)].map(([m]) => [Number(/numFmtId="(\d+)"/.exec(m)[1]), unescape(/formatCode="([^"]*)"/.exec(m)[1])]))
  const isDate = (style) => {
    const id = xfs[style ?? 0]
    return (id >= 14 && id <= 22) || /[ymdh]/i.test((codes.get(id) ?? '').replace(/general/i, ''))
  }
  return [...files['xl/worksheets/sheet1.xml'].matchAll(/<row [^>]*?(?:\/>|>(.*?)<\/row>)/gs)].map(([, cells]) => {
    const row = []
    for (const [, attrs, content] of (cells ?? '').matchAll(/<c ([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)) {
      const letters = /r="([A-Z]+)/.exec(attrs)[1]
      const at = [...letters].reduce((n, c) => n * 26 + c.charCodeAt(0) - 64, 0) - 1
      const type = /t="(\w+)"/.exec(attrs)?.[1]
      const v = /<v>(.*?)<\/v>/s.exec(content ?? '')?.[1]
      if (type === 's') row[at] = shared[Number(v)]
      else if (type === 'inlineStr') row[at] = texts(content)
      else if (type === 'str') row[at] = unescape(v)
      else if (type === 'b') row[at] = v === '1' ? 'true' : 'false'
      else if (v !== undefined) row[at] = isDate(/s="(\d+)"/.exec(attrs)?.[1]) ? { serial: Number(v) } : v
    }
    return row
  })
}

// ---- zip ----

function crc32(buffer) {
  let c = ~0
  for (const byte of buffer) {
    c ^= byte
    for (let k = 0; k < 8; k++) c = (c >>> 1) ^ (0xedb88320 & -(c & 1))
  }
  return ~c >>> 0
}

function zip(files) {
  const parts = []
  const directory = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const raw = Buffer.from(text)
    const packed = deflateRawSync(raw)
    const head = Buffer.alloc(30)
    head.writeUInt32LE(0x04034b50, 0)
    head.writeUInt16LE(20, 4)
    head.writeUInt16LE(8, 8)
    head.writeUInt16LE(0x21, 12)
    head.writeUInt32LE(crc32(raw), 14)
    head.writeUInt32LE(packed.length, 18)
    head.writeUInt32LE(raw.length, 22)
    head.writeUInt16LE(name.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(20, 4)
    head.copy(entry, 6, 4, 30)
    entry.writeUInt32LE(offset, 42)
    parts.push(head, Buffer.from(name), packed)
    directory.push(entry, Buffer.from(name))
    offset += head.length + name.length + packed.length
  }
  const list = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(directory.length / 2, 8)
  end.writeUInt16LE(directory.length / 2, 10)
  end.writeUInt32LE(list.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, list, end])
}

function unzip(buffer) {
  const files = {}
  let at = buffer.readUInt32LE(buffer.lastIndexOf(Buffer.from('504b0506', 'hex')) + 16)
  while (buffer.readUInt32LE(at) === 0x02014b50) {
    const [method, size, nameLength] = [buffer.readUInt16LE(at + 10), buffer.readUInt32LE(at + 20), buffer.readUInt16LE(at + 28)]
    const name = buffer.toString('utf8', at + 46, at + 46 + nameLength)
    const local = buffer.readUInt32LE(at + 42)
    const from = local + 30 + buffer.readUInt16LE(local + 26) + buffer.readUInt16LE(local + 28)
    const packed = buffer.subarray(from, from + size)
    files[name] = (method === 8 ? inflateRawSync(packed) : packed).toString()
    at += 46 + nameLength + buffer.readUInt16LE(at + 30) + buffer.readUInt16LE(at + 32)
  }
  return files
}
