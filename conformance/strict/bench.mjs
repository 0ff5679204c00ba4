// What the checks share: a stand-in, a folder, the program, and the comparison of
// the account with the rows of a file.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Strict, token } from './server.mjs'
import { csv, parseCSV, xlsx } from './sheets.mjs'
import { expected, mapping, table } from './rows.mjs'

const encoders = {
  'utf-8': (s) => Buffer.from(s),
  bom: (s) => Buffer.from(`\ufeff${s}`),
  'utf-16': (s) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(s, 'utf16le')]),
  'windows-1252': (s) => Buffer.from(s, 'latin1'),
}

// groupBy is Map.groupBy, which Node 20 has not.
function groupBy(list, key) {
  const groups = new Map()
  for (const x of list) groups.set(key(x), [...(groups.get(key(x)) ?? []), x])
  return groups
}

export class Bench {
  constructor(program) {
    this.program = program
    this.strict = new Strict()
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strict-'))
    this.count = 0
  }

  // start begins a check: a new account with these modes, a new folder.
  start(modes = {}) {
    this.strict.reset(modes)
    this.dir = path.join(this.folder, String(++this.count))
    fs.mkdirSync(this.dir)
  }

  file(name, content) {
    fs.writeFileSync(path.join(this.dir, name), content)
    return name
  }

  // input writes the rows as a file and returns its name.
  input(name, rows, { encoding = 'utf-8', delimiter = ';', date1904 = false } = {}) {
    const kind = name.endsWith('.xlsx') ? 'xlsx' : 'csv'
    const cells = table(rows, kind)
    return this.file(name, kind === 'xlsx' ? xlsx(cells, { date1904 }) : encoders[encoding](csv(cells, { delimiter })))
  }

  mapping(operation, options) {
    return this.file('mapping.yaml', mapping(operation, options))
  }

  // run starts the program and returns {code, out}. `killAfter` kills it, without
  // a warning, after that many milliseconds; code is then null if it was in time.
  run(args, { killAfter, env = {} } = {}) {
    return new Promise((done) => {
      const child = spawn(this.program, args, {
        cwd: this.dir,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, HOME: this.dir, HUBSPOT_BASE_URL: this.strict.url, HUBSPOT_ACCESS_TOKEN: token, ...env },
      })
      let out = ''
      child.stdout.on('data', (d) => (out += d))
      child.stderr.on('data', (d) => (out += d))
      const timer = killAfter && setTimeout(() => child.kill('SIGKILL'), killAfter)
      child.on('close', (code) => {
        clearTimeout(timer)
        done({ code, out })
      })
    })
  }

  import(file, ...more) {
    return this.run(['import', '-m', 'mapping.yaml', '--progress', 'none', '--yes', ...more, file])
  }

  // imported runs an import that must end with this exit status.
  async imported(file, status, ...more) {
    const { code, out } = await this.import(file, ...more)
    assert.equal(code, status, `exit status ${code}, not ${status}:\n${out}`)
    return this.summary()
  }

  // newest returns the path of a file of the newest run.
  newest(name) {
    const runs = path.join(this.dir, 'ticketetl-runs')
    const last = fs.readdirSync(runs).filter((n) => /^\d{8}-/.test(n)).sort((a, b) => fs.statSync(path.join(runs, a)).mtimeMs - fs.statSync(path.join(runs, b)).mtimeMs).at(-1)
    return path.join(runs, last, name)
  }

  // summary of the newest run; its sum must be right.
  summary() {
    const s = JSON.parse(fs.readFileSync(this.newest('summary.json')))
    assert.equal(s.checks_out, true, 'the outcomes do not add up to the rows read')
    return s
  }

  table(name) {
    const [head, ...rows] = parseCSV(fs.readFileSync(this.newest(name), 'utf8'))
    return rows.map((r) => Object.fromEntries(head.map((h, i) => [h, r[i]])))
  }

  // clean fails if there was a wrong request since the check began.
  clean() {
    const by = new Map()
    for (const w of this.strict.wrongs) {
      const kind = w.why.replace(/\d{4,}/g, '…')
      by.set(kind, { n: (by.get(kind)?.n ?? 0) + 1, w })
    }
    const lines = [...by.values()].map(({ n, w }) => `${n} × ${w.why}\n    ${w.request}\n    ${w.body.slice(0, 600)}`)
    assert.equal(this.strict.wrongs.length, 0, `${this.strict.wrongs.length} wrong requests:\n${lines.slice(0, 6).join('\n')}`)
  }

  // all fails with the faults of each of the parts together.
  all(...parts) {
    const faults = []
    for (const part of parts) {
      try {
        part()
      } catch (err) {
        faults.push(err.message)
      }
    }
    assert.equal(faults.length, 0, faults.join('\n'))
  }

  // equal fails unless the account has exactly these rows, cell by cell.
  // Tickets of others must be as they were made. `without` are properties that are not compared.
  equal(rows, kind, { key, links = true, without = [] } = {}) {
    const { tickets, associations } = this.strict.account.dump()
    const live = tickets.filter((t) => !t.archived && !t.foreign)
    const name = key ?? 'subject'
    const byName = groupBy(live, (t) => t.properties[name])
    const of = groupBy(associations, (a) => a.ticket)
    const faults = []
    for (const row of rows) {
      const id = key ? row.key : row.properties.subject
      const found = byName.get(id) ?? []
      if (found.length !== 1) faults.push(`${found.length} tickets with ${name} ${JSON.stringify(id)}`)
      else faults.push(...this.differences(row, kind, found[0], of.get(found[0].id) ?? [], { key, links, without }))
    }
    const touched = tickets.filter((t) => t.foreign && (t.archived || !t.properties.subject.startsWith('Fremd') || of.has(t.id)))
    if (touched.length) faults.push(`${touched.length} tickets of others were changed`)
    if (live.length !== rows.length) faults.push(`${live.length} tickets, but ${rows.length} rows`)
    assert.equal(faults.length, 0, `${faults.length} differences:\n${faults.slice(0, 8).join('\n')}`)
  }

  differences(row, kind, ticket, associations, { key, links, without }) {
    const want = { ...expected(row, kind), ...(key ? { [key]: row.key } : {}) }
    const faults = []
    for (const p of this.strict.account.properties.tickets) {
      const own = p.modificationMetadata.readOnlyValue || without.includes(p.name)
      const byAccount = ['createdate', 'closed_date'].includes(p.name) && want[p.name] === undefined
      if (own || byAccount) continue
      const [a, b] = [want[p.name] ?? null, ticket.properties[p.name] ?? null]
      if (a !== b) faults.push(`${row.key} ${p.name}: ${JSON.stringify(b)} is stored, ${JSON.stringify(a)} stands in the file`)
    }
    const stored = associations.map((a) => `${a.type} ${a.other} ${a.types.join(',')}`).sort().join('\n')
    const wanted = links ? [...row.links].sort().join('\n') : ''
    if (stored !== wanted) faults.push(`${row.key} associations: ${JSON.stringify(stored)} are stored, ${JSON.stringify(wanted)} stand in the file`)
    return faults
  }

  // rejected fails unless exactly the bad rows were rejected, each with one error
  // that names its column.
  rejected(rows) {
    const errors = this.table('errors.csv').filter((e) => e.severity === 'error' && e.outcome === 'rejected')
    const found = errors.map((e) => `${e.row} ${e.header}`).sort()
    const wanted = rows.flatMap((r, i) => (r.bad ? [`${i + 2} ${r.bad}`] : [])).sort()
    assert.deepEqual(found, wanted)
  }

  close() {
    this.strict.close()
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}
