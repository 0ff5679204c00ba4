// Drives the program against the strict stand-in: every operation, from CSV and
// XLSX, compared with the account cell by cell, with not one wrong request.
//
//   TICKETETL=path node run.mjs [WORD...]    only the checks whose name has a WORD
//
// ROUNDS (24) rounds of kill -9 and faults, by SEED (1). The last line is "N passed,
// M failed"; the exit status is 1 if any failed. KEEP=1 keeps the files.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { Bench } from './bench.mjs'
import { makeRows, utc } from './rows.mjs'
import { faultKinds, random } from './server.mjs'
import { parseCSV, parseXLSX } from './sheets.mjs'
import * as world from './world.mjs'

const program = path.resolve(process.env.TICKETETL ?? '../../bin/ticketetl')
const rounds = Number(process.env.ROUNDS ?? 24)
const seed = Number(process.env.SEED ?? 1)
const words = process.argv.slice(2)

const bench = new Bench(program)
const { strict } = bench
await strict.listen()

let passed = 0
let failed = 0
async function check(name, body) {
  if (words.length && !words.some((w) => name.includes(w))) return
  try {
    await body()
    passed++
    console.log(`ok    ${name}`)
  } catch (err) {
    failed++
    fs.writeFileSync(path.join(bench.dir, 'requests.log'), strict.trace.join('\n'))
    console.log(`FAIL  ${name} (${bench.dir})\n      ${String(err.message).split('\n').slice(0, 40).join('\n      ')}`)
  }
}

const good = (rows) => rows.filter((r) => !r.bad && !r.poison)
const contactMail = (id) => ({ csv: world.contacts.find((c) => c.id === id).properties.email })
const written = ['subject', 'content', 'hs_pipeline', 'hs_pipeline_stage', 'area', 'hs_ticket_priority', 'tints', 'vip', 'due_on', 'promised_at', 'createdate', 'amount', 'serial', 'zip', 'hotline', 'remark', 'hubspot_owner_id', 'legacy_ref']
const readable = [...written, 'hs_object_id', 'hs_lastmodifieddate']

// ---- create ----

for (const encoding of ['utf-8', 'bom', 'utf-16', 'windows-1252']) {
  await check(`create without a key, CSV in ${encoding}`, async () => {
    bench.start({ track: 'subject' })
    const rows = makeRows(600, 11, { narrow: encoding === 'windows-1252', bad: 0.05 })
    bench.mapping('create')
    const s = await bench.imported(bench.input('a.csv', rows, { encoding, delimiter: encoding === 'bom' ? ',' : ';' }), 3)
    assert.equal(s.counts.created, good(rows).length)
    bench.rejected(rows)
    bench.equal(good(rows), 'csv')
    bench.clean()
  })
}

for (const date1904 of [false, true]) {
  await check(`create without a key, XLSX${date1904 ? ' with dates since 1904' : ''}`, async () => {
    bench.start({ track: 'subject', shuffle: true })
    const rows = makeRows(700, 12, { bad: 0.05 })
    bench.mapping('create')
    await bench.imported(bench.input('a.xlsx', rows, { date1904 }), 3)
    bench.rejected(rows)
    bench.equal(good(rows), 'xlsx')
    bench.clean()
  })
}

await check('create with a key', async () => {
  bench.start({ track: 'legacy_ref', shuffle: true })
  const rows = makeRows(500, 13)
  bench.mapping('create', { key: true })
  await bench.imported(bench.input('a.csv', rows), 0)
  bench.equal(rows, 'csv', { key: 'legacy_ref' })
  bench.clean()
})

await check('create with a row key', async () => {
  bench.start({ track: 'subject' })
  const { code, out } = await bench.run(['setup', 'row-key', '--yes'])
  assert.equal(code, 0, out)
  strict.set({})
  const rows = makeRows(400, 14)
  bench.mapping('create')
  await bench.imported(bench.input('a.xlsx', rows), 0)
  bench.equal(rows, 'xlsx', { without: ['ticketetl_row_key'] })
  const keys = strict.account.dump().tickets.map((t) => t.properties.ticketetl_row_key)
  assert.equal(new Set(keys).size, rows.length)
  bench.clean()
})

// ---- upsert ----

for (const kind of ['csv', 'xlsx']) {
  await check(`upsert from ${kind}, again, and with changes`, async () => {
    bench.start({ track: 'legacy_ref', reads: readable, shuffle: true })
    const rows = makeRows(900, 21, { bad: 0.02 })
    bench.mapping('upsert', { key: true })
    const file = bench.input(`a.${kind}`, rows)
    await bench.imported(file, 3)
    bench.equal(good(rows), kind, { key: 'legacy_ref' })
    bench.clean()

    strict.set({})
    const again = await bench.imported(file, 3, '--again')
    assert.equal(again.counts.unchanged, good(rows).length)
    assert.equal(strict.counts.writes, 0, 'the second upsert writes')
    bench.clean()

    strict.set({})
    const changed = changeSome(rows)
    const third = await bench.imported(bench.input(`b.${kind}`, changed), 3)
    assert.equal(third.counts.unchanged + third.counts.updated + third.counts.created, good(changed).length)
    bench.equal(good(changed), kind, { key: 'legacy_ref' })
    bench.clean()
  })
}

// changeSome returns the rows with some values from other rows, and new ones.
function changeSome(rows) {
  const other = makeRows(rows.length, 22)
  const pick = random(23)
  const header = { area: 'Gebiet', amount: 'Betrag', remark: 'Bemerkung', tints: 'Farben', due_on: 'Fällig' }
  const changed = rows.map((r, i) => {
    if (r.bad || pick() < 0.6) return r
    const out = { ...r, cells: { ...r.cells }, properties: { ...r.properties } }
    for (const [property, h] of Object.entries(header)) {
      if (pick() < 0.5 || !other[i].cells[h]) continue // a blank cell leaves the property alone
      out.cells[h] = other[i].cells[h]
      out.properties[property] = other[i].properties[property]
    }
    return out
  })
  return [...changed, ...makeRows(100, 24, { from: rows.length })]
}

// ---- update ----

// seeded puts rows into the account with the key property, as an earlier import.
async function seeded(rows, modes) {
  bench.start(modes)
  bench.mapping('upsert', { key: true })
  await bench.imported(bench.input('seed.csv', rows), 0)
  strict.set({})
}

for (const blank of ['ignore', 'clear']) {
  await check(`update by key, blank: ${blank}`, async () => {
    const before = makeRows(350, 31)
    await seeded(before, { reads: readable })
    const other = makeRows(350, 32)
    // The old pipeline and stage stay where the stage column is left out.
    const rows = before.map((b, i) => merge(b, other[i], blank))
    bench.mapping('update', { key: true, associations: false, blank })
    await bench.imported(bench.input('b.xlsx', rows.map((r) => r.input)), 0)
    bench.equal(rows.map((r) => r.after), 'csv', { key: 'legacy_ref', without: ['amount'] })
    bench.clean()
    strict.set({})
    const again = await bench.imported('b.xlsx', 0, '--again')
    assert.equal(again.counts.unchanged, rows.length)
    assert.equal(strict.counts.writes, 0)
  })
}

// merge returns the row that updates `before`, and what must stand afterwards.
function merge(before, other, blank) {
  const input = { ...other, key: before.key, cells: { ...other.cells, Aktenzeichen: before.cells.Aktenzeichen } }
  const properties = blank === 'clear' ? { ...other.properties } : { ...before.properties, ...other.properties }
  return { input, after: { ...before, properties } }
}

await check('update of a stage alone: of another pipeline it is not sent', async () => {
  const rows = makeRows(120, 36)
  await seeded(rows)
  const own = (r) => r.properties.hs_pipeline === 'kd-werk'
  bench.file('u.csv', `Az,Stand\n${rows.map((r) => `${r.key},Abgeholt`).join('\n')}\n`)
  bench.file('mapping.yaml', 'operation: update\nkey: {property: legacy_ref, column: Az}\nproperties: {hs_pipeline_stage: Stand}\n')
  const s = await bench.imported('u.csv', 3)
  assert.equal(s.counts.rejected, rows.filter((r) => !own(r)).length)
  for (const r of rows.filter(own)) r.properties.hs_pipeline_stage = 'Fertig'
  bench.equal(rows, 'csv', { key: 'legacy_ref' })
  bench.clean()
})

await check('update and delete by ticket id', async () => {
  const rows = makeRows(260, 33)
  await seeded(rows)
  const ids = new Map(strict.account.dump().tickets.map((t) => [t.properties.legacy_ref, t.id]))
  const lines = rows.slice(0, 130).map((r) => `${ids.get(r.key)},neue Bemerkung zu ${r.key}`)
  bench.file('u.csv', `Nr,Bemerkung\n${lines.join('\n')}\n`)
  bench.file('mapping.yaml', 'operation: update\nkey: {property: hs_object_id, column: Nr}\nproperties: {remark: Bemerkung}\n')
  const s = await bench.imported('u.csv', 0)
  assert.equal(s.counts.updated, 130)
  rows.slice(0, 130).forEach((r) => (r.properties.remark = `neue Bemerkung zu ${r.key}`))
  bench.equal(rows, 'csv', { key: 'legacy_ref' })
  bench.clean()
  strict.set({})
  bench.file('mapping.yaml', 'operation: delete\nkey: {property: hs_object_id, column: Nr}\n')
  await bench.imported('u.csv', 0)
  bench.equal(rows.slice(130), 'csv', { key: 'legacy_ref' })
  bench.clean()
})

await check('delete by key; what is not there is rejected', async () => {
  const rows = makeRows(300, 34)
  await seeded(rows)
  bench.mapping('delete', { key: true, associations: false })
  const gone = [...rows.slice(0, 150), ...makeRows(5, 35, { from: 9000 })]
  const s = await bench.imported(bench.input('d.xlsx', gone), 3)
  assert.equal(s.counts.deleted, 150)
  assert.equal(s.counts.rejected, 5)
  bench.equal(rows.slice(150), 'csv', { key: 'legacy_ref' })
  bench.clean()
})

// ---- associate, dissociate ----

await check('associate, again, and dissociate', async () => {
  const rows = makeRows(420, 41)
  bench.start({ linkPage: 2, shuffle: true })
  bench.mapping('upsert', { key: true, associations: false })
  await bench.imported(bench.input('a.csv', rows), 0)
  bench.equal(rows, 'csv', { key: 'legacy_ref', links: false })
  strict.set({})
  bench.mapping('associate', { key: true })
  await bench.imported('a.csv', 0)
  bench.equal(rows, 'csv', { key: 'legacy_ref' })
  bench.clean()
  strict.set({})
  await bench.imported('a.csv', 0, '--again')
  assert.equal(strict.counts.writes, 0, 'associating again writes')
  bench.mapping('dissociate', { key: true })
  strict.set({})
  await bench.imported('a.csv', 0)
  bench.clean()
  strict.set({})
  await bench.imported('a.csv', 0, '--again')
  assert.equal(strict.counts.writes, 0, 'dissociating again writes')
  bench.clean()
})

await check('associations of an upsert keep the labels that are there', async () => {
  const rows = makeRows(200, 42)
  await seeded(rows)
  for (const set of strict.account.links.values()) if (set.has('HUBSPOT_DEFINED:16')) set.add('USER_DEFINED:63')
  bench.mapping('upsert', { key: true })
  const s = await bench.imported('seed.csv', 0, '--again')
  assert.equal(s.counts.unchanged, rows.length)
  assert.equal(strict.counts.writes, 0)
  const swapped = rows.map((r) => ({ ...r, cells: { ...r.cells, 'E-Mail': r.cells.Zweitkontakt && contactMail(r.cells.Zweitkontakt.csv) } }))
  strict.set({})
  await bench.imported(bench.input('b.csv', swapped), 0)
  bench.clean()
})

// ---- answers that HubSpot may give ----

const answers = {
  'no echo of trace ids, shuffled': { traceEcho: false, shuffle: true },
  'always 200': { plain200: true, shuffle: true },
  'an empty 200 when all are missing': { emptyMissing: true },
  'ids as text, no headers': { numericTo: false, headers: false },
  'one bad row refuses its batch': { wholeBatch: true },
}
for (const [name, modes] of Object.entries(answers)) {
  for (const operation of ['create', 'upsert']) {
    await check(`${operation}: ${name}`, async () => {
      bench.start({ track: 'subject', ...modes })
      const rows = makeRows(320, 51, { poison: 0.01 })
      bench.mapping(operation, { key: operation === 'upsert' })
      const s = await bench.imported(bench.input('a.csv', rows), rows.some((r) => r.poison) ? 3 : 0)
      const bad = rows.filter((r) => r.poison).length
      assert.equal(s.counts.failed ?? 0, bad)
      bench.equal(good(rows), 'csv', operation === 'upsert' ? { key: 'legacy_ref' } : {})
      bench.clean()
      if (operation === 'create') return
      strict.set({})
      await bench.imported('a.csv', 3, '--again')
      bench.clean()
    })
  }
}

await check('a body that is too long is cut into shorter ones', async () => {
  bench.start({ track: 'legacy_ref', maxBody: 40000 })
  const rows = makeRows(220, 53)
  bench.mapping('upsert', { key: true })
  await bench.imported(bench.input('a.csv', rows), 0)
  bench.equal(rows, 'csv', { key: 'legacy_ref' })
  bench.clean()
})

await check('paths with a date version', async () => {
  bench.start({ track: 'legacy_ref', dated: true })
  const rows = makeRows(230, 52)
  bench.mapping('upsert', { key: true })
  await bench.imported(bench.input('a.csv', rows), 0, '--api-version', '2026-03')
  strict.set({})
  await bench.imported('a.csv', 0, '--again', '--api-version', '2026-03')
  bench.equal(rows, 'csv', { key: 'legacy_ref' })
  bench.clean()
})

// ---- limits and credentials ----

await check('keeps the limit of ten seconds and the one of searches', async () => {
  bench.start({ limit: 30, latency: [5, 60] })
  const rows = makeRows(1500, 61)
  bench.mapping('create')
  await bench.imported(bench.input('a.csv', rows), 0)
  bench.equal(rows, 'csv')
  assert.ok(strict.counts.limited <= 1, `${strict.counts.limited} requests of ${strict.counts.calls} came too early`)
  bench.clean()
})

await check('stops at the daily limit and is resumed', async () => {
  bench.start({ daily: 24, track: 'subject' })
  const rows = makeRows(1500, 62)
  bench.mapping('create', { associations: false })
  await bench.imported(bench.input('a.csv', rows), 5)
  bench.clean()
  strict.set({ daily: 0 })
  await bench.imported('a.csv', 0)
  bench.equal(rows, 'csv', { links: false })
  bench.clean()
})

await check('a token that is refused: exit status 6, nothing more is asked', async () => {
  bench.start()
  bench.mapping('create')
  bench.input('a.csv', makeRows(3, 63))
  const { code, out } = await bench.run(['import', '-m', 'mapping.yaml', 'a.csv'], { env: { HUBSPOT_ACCESS_TOKEN: 'pat-eu1-wrong' } })
  assert.equal(code, 6, out)
  assert.ok(!out.includes('pat-eu1-wrong'))
  assert.ok(strict.counts.calls <= 6, `${strict.counts.calls} calls`)
})

await check('rows with the same key: the first is taken, the others are errors', async () => {
  bench.start({ track: 'legacy_ref' })
  const rows = makeRows(120, 64)
  const twice = [...rows, { ...rows[3], bad: 'Aktenzeichen' }, { ...rows[77], bad: 'Aktenzeichen' }]
  bench.mapping('upsert', { key: true })
  await bench.imported(bench.input('a.csv', twice), 3)
  bench.rejected(twice)
  bench.equal(rows, 'csv', { key: 'legacy_ref' })
  bench.clean()
})

await check('a dry run and a validation send no write', async () => {
  bench.start()
  bench.mapping('upsert', { key: true })
  bench.input('a.csv', makeRows(200, 65))
  assert.equal((await bench.run(['validate', '-m', 'mapping.yaml', 'a.csv'])).code, 0)
  strict.set({})
  await bench.imported('a.csv', 0, '--dry-run')
  assert.equal(strict.counts.writes, 0)
  assert.equal(strict.account.dump().tickets.length, 0)
  bench.clean()
})

// ---- export ----

for (const kind of ['csv', 'xlsx']) {
  await check(`export to ${kind}`, async () => {
    const rows = makeRows(650, 71)
    await seeded(rows, { linkPage: 1 })
    const args = ['export', '-o', `out.${kind}`, '--values', 'raw', '--properties', written.join(',')]
    const { code, out } = await bench.run(args)
    assert.equal(code, 0, out)
    compareExport(kind)
    bench.clean()
  })
}

// compareExport compares an export with the account, cell by cell.
function compareExport(kind) {
  const raw = fs.readFileSync(path.join(bench.dir, `out.${kind}`))
  const [head, ...lines] = kind === 'csv' ? parseCSV(raw.toString()) : parseXLSX(raw)
  const { tickets, associations } = strict.account.dump()
  assert.equal(lines.length, tickets.length)
  const byID = new Map(tickets.map((t) => [t.id, t]))
  for (const line of lines) {
    const cell = Object.fromEntries(head.map((h, i) => [h, line[i] ?? '']))
    const t = byID.get(cell.hs_object_id)
    assert.ok(t, `no ticket ${cell.hs_object_id}`)
    for (const name of written) {
      assert.equal(asStored(cell[name], name), t.properties[name] ?? '', `${t.id} ${name}`)
    }
    for (const type of ['contacts', 'companies']) {
      const ids = associations.filter((a) => a.ticket === t.id && a.type === type).map((a) => a.other).sort()
      assert.equal(cell[`associations.${type}`].split(';').filter(Boolean).sort().join(';'), ids.join(';'), `${t.id} ${type}`)
    }
  }
}

// asStored turns a cell of a workbook back into what HubSpot keeps.
function asStored(v, name) {
  if (typeof v === 'string' && name === 'amount') return v === '' ? '' : v.includes('.') ? v.replace(/(\.\d)$/, '$10') : `${v}.00`
  if (typeof v !== 'object') return v
  const wall = new Date(Math.round((v.serial - 25569) * 86400000)).toISOString().slice(0, 23)
  return name === 'due_on' ? wall.slice(0, 10) : utc(wall)
}

// ---- faults and kill -9 ----

// torture imports while the program is killed and requests go wrong, until it has
// ended by itself; then all is well and is the same import once more.
async function torture(round) {
  const pick = random(seed * 1000 + round)
  const operation = ['create', 'keyed', 'rowkey', 'upsert', 'associate', 'delete'][round % 6]
  const rows = makeRows(150 + Math.floor(pick() * 500), seed * 7919 + round)
  const kind = pick() < 0.5 ? 'csv' : 'xlsx'
  const keyed = !['create', 'rowkey'].includes(operation)
  bench.start({ track: keyed ? 'legacy_ref' : 'subject', shuffle: true, traceEcho: pick() < 0.7, emptyMissing: pick() < 0.5, searchLag: 300, others: Math.floor(pick() * 4) })
  const file = bench.input(`a.${kind}`, rows)
  await prepare(operation, file)
  strict.set({ seed: seed * 31 + round, latency: [2, 60], faults: { rate: pick() * 0.3, kinds: faultKinds.filter(() => pick() < 0.6) } })
  if (!strict.modes.faults.kinds.length) strict.modes.faults = null
  const deaths = await untilEnded(file, pick)
  strict.set({ faults: null, latency: [0, 0] })
  // Rows in doubt are settled by a resume, now that the account answers.
  const doubts = fs.existsSync(bench.newest('in-doubt.csv'))
  const last = await bench.run(doubts ? ['resume', ...importArgs(file).slice(3, -1)] : importArgs(file))
  return { operation, kind, rows, deaths, last }
}

async function prepare(operation, file) {
  if (operation === 'rowkey') assert.equal((await bench.run(['setup', 'row-key', '--yes'])).code, 0)
  if (operation === 'associate' || operation === 'delete') {
    bench.mapping('upsert', { key: true, associations: operation === 'delete' })
    await bench.imported(file, 0)
  }
  const name = { keyed: 'create', rowkey: 'create' }[operation] ?? operation
  bench.mapping(name, { key: !['create', 'rowkey'].includes(operation), associations: operation !== 'delete' })
}

const importArgs = (file) => ['import', '-m', 'mapping.yaml', '--progress', 'none', '--yes', '--timeout', '3s', '--max-wait', '60s', '--settle-wait', '400ms', file]

async function untilEnded(file, pick) {
  for (let deaths = 0; ; deaths++) {
    const { code, out } = await bench.run(importArgs(file), { killAfter: deaths < 4 ? 60 + pick() * 1200 : undefined })
    if (code === null) await strict.idle()
    else if ([0, 3, 4].includes(code)) return deaths
    else if (code !== 5 || deaths > 12) assert.fail(`exit status ${code}\n${out}`)
  }
}

for (let round = 0; round < rounds; round++) {
  await check(`torture ${seed}.${round}`, async () => {
    const { operation, kind, rows, last } = await torture(round)
    const keyed = !['create', 'rowkey'].includes(operation)
    bench.all(
      () => {
        if (operation === 'delete') return bench.equal([], kind)
        if (operation === 'create') return settled(rows, kind, last)
        bench.equal(rows, kind, keyed ? { key: 'legacy_ref' } : { without: ['ticketetl_row_key'] })
      },
      () => bench.clean(),
    )
  })
}

// settled: without a key nothing is there twice, and what is missing is in doubt.
function settled(rows, kind, last) {
  const doubts = fs.existsSync(bench.newest('in-doubt.csv')) ? bench.table('in-doubt.csv').map((d) => d.subject) : []
  const there = new Set(strict.account.dump().tickets.map((t) => t.properties.subject))
  const lost = rows.filter((r) => !there.has(r.properties.subject) && !doubts.includes(r.properties.subject))
  assert.equal(lost.length, 0, `${lost.length} rows are lost: ${lost.slice(0, 3).map((r) => r.key)}\n${last.out}`)
  bench.equal(rows.filter((r) => there.has(r.properties.subject)), kind)
}

if (!process.env.KEEP) bench.close()
else strict.close()
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
