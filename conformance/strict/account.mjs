// The state of the account: records, associations, what was sent wrongly, and for
// which records the client cannot know whether its last write was carried out.
import * as world from './world.mjs'
import { fault, same } from './values.mjs'

export const now = () => iso(Date.now())
const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z')

// A Refusal is an error that HubSpot would answer a record or a request with.
export class Refusal extends Error {
  constructor(status, category, message, more = {}) {
    super(message)
    Object.assign(this, { status, category, more })
  }
}

export class Account {
  constructor(modes) {
    this.modes = modes
    this.records = { tickets: new Map(), contacts: new Map(), companies: new Map() }
    this.properties = structuredClone(world.properties)
    this.links = new Map() // `${ticket} ${type} ${other}` → Set of `${category}:${typeId}`
    this.unanswered = new Set() // keys of records and links whose last write may have got no answer
    this.sent = new Set() // values of `track` that creates have brought
    this.next = 90071992547409931n
    const changed = '2024-05-05T05:05:05Z'
    for (const type of ['contacts', 'companies']) {
      for (const r of world[type]) this.records[type].set(r.id, { id: r.id, properties: { ...r.properties }, createdAt: changed, updatedAt: changed })
    }
  }

  definition(type, name) {
    return this.properties[type]?.find((p) => p.name === name)
  }

  // byUnique finds a record that is not archived by a property with unique values.
  byUnique(type, name, value) {
    const fold = (v) => (type === 'contacts' ? v?.toLowerCase() : v)
    for (const r of this.records[type].values()) {
      if (r.archived) continue
      if (fold(r.properties[name]) === fold(value)) return r
      if (name === 'email' && r.properties.hs_additional_emails?.split(';').includes(fold(value))) return r
    }
    return undefined
  }

  live(type, id) {
    const r = this.records[type]?.get(id)
    return r && !r.archived ? r : undefined
  }

  // check judges the properties of a ticket that is to be written over `old`
  // (undefined for a new one) and returns the values to store. What is wrong about
  // the request goes to `wrong`; what HubSpot refuses is thrown.
  check(props, old, wrong) {
    if (typeof props !== 'object' || props === null || Array.isArray(props)) throw new Refusal(400, 'VALIDATION_ERROR', 'properties must be an object')
    const faults = []
    for (const [name, value] of Object.entries(props)) {
      const p = this.definition('tickets', name)
      const problem = this.problem(p, name, value, old)
      if (problem) {
        wrong(`property ${name} = ${JSON.stringify(value)}: ${problem[1]}`)
        faults.push({ isValid: false, message: `${value} ${problem[1]}`, error: problem[0], name, portalId: world.account.portalId })
      }
    }
    if (faults.length) throw invalid(faults)
    this.checkStage(props, old, wrong)
    this.checkNeed(props, old, wrong)
    this.poison(props)
    return props
  }

  problem(p, name, value, old) {
    if (!p || p.archived) return ['PROPERTY_DOESNT_EXIST', 'does not exist']
    if (p.modificationMetadata.readOnlyValue || p.calculated) return ['READ_ONLY_VALUE', 'is a read only property; its value cannot be set']
    if (value === '' && !old) return ['EMPTY', 'is empty, which says nothing about a new ticket']
    if (value === '' && name.startsWith('hs_pipeline')) return ['REQUIRED', 'cannot be cleared']
    if (p.referencedObjectType === 'OWNER' && value !== '' && !world.owners.some((o) => o.id === value)) {
      return ['INVALID_OWNER', 'is no id of an owner']
    }
    return fault(p, value)
  }

  checkStage(props, old, wrong) {
    const fail = (why) => {
      wrong(why)
      throw invalid([{ isValid: false, message: why, error: 'INVALID_OPTION', name: 'hs_pipeline_stage' }])
    }
    if (!old) {
      for (const name of ['subject', 'hs_pipeline', 'hs_pipeline_stage']) if (!props[name]) fail(`a new ticket without ${name}`)
    }
    if (props.hs_pipeline === undefined && props.hs_pipeline_stage === undefined) return
    if (props.hs_pipeline !== undefined && props.hs_pipeline_stage === undefined && props.hs_pipeline !== old.properties.hs_pipeline) {
      fail('hs_pipeline changes without a stage of it')
    }
    const id = props.hs_pipeline ?? old.properties.hs_pipeline
    const pipeline = world.pipelines.find((p) => p.id === id)
    if (!pipeline) fail(`${id} is no pipeline`)
    const stage = props.hs_pipeline_stage ?? old.properties.hs_pipeline_stage
    if (!pipeline.stages.some((s) => s.id === stage)) fail(`${stage} is no stage of ${id}`)
  }

  // checkNeed holds an update to what differs.
  checkNeed(props, old, wrong) {
    const names = Object.keys(props)
    if (!names.length) wrong('a write without properties')
    if (!old || this.unanswered.has(old.id)) return
    const idle = names.filter((n) => same(this.definition('tickets', n), props[n], old.properties[n]))
    // A pipeline goes along with a stage of it.
    const needless = idle.filter((n) => n !== 'hs_pipeline' || idle.includes('hs_pipeline_stage'))
    if (idle.length === names.length) wrong(`an update of ${old.id} that changes nothing`)
    else if (needless.length) wrong(`an update of ${old.id} sends what it has already: ${needless.join(', ')}`)
  }

  // poison refuses what no client can foresee, as a validation rule does.
  poison(props) {
    if (props.subject?.includes('POISON')) {
      throw invalid([{ isValid: false, message: 'the subject breaks a rule of this account', error: 'INVALID_CUSTOM_PROPERTY_VALIDATION', name: 'subject' }])
    }
  }

  // checkUnique refuses a value that another ticket has.
  checkUnique(props, self) {
    for (const p of this.properties.tickets) {
      if (!p.hasUniqueValue || !props[p.name]) continue
      const other = this.byUnique('tickets', p.name, props[p.name])
      if (other && other !== self) throw new Refusal(409, 'CONFLICT', `${p.name} ${props[p.name]} already exists. Existing ID: ${other.id}`)
    }
  }

  // judge says what HubSpot would say to a write, without writing: it throws the
  // refusal, or returns the associations of a new ticket.
  judge(old, props, links, wrong) {
    this.check(props, old, wrong)
    const track = !old && this.modes.track && props[this.modes.track]
    if (track && this.sent.has(track)) wrong(`the ticket with ${this.modes.track} ${JSON.stringify(track)} was created before`)
    this.checkUnique(props, old)
    return this.checkInline(links, wrong)
  }

  create(props, links, wrong) {
    const wanted = this.judge(undefined, props, links, wrong)
    if (this.modes.track) this.sent.add(props[this.modes.track])
    const ticket = this.insert(props)
    for (const [type, other, specs] of wanted) this.setLink(ticket.id, type, other, specs)
    return ticket
  }

  insert(props) {
    this.next += BigInt(1 + Number(this.next % 7n))
    const id = String(this.next)
    const t = now()
    const ticket = { id, properties: { createdate: t, hs_createdate: t, hs_object_id: id }, createdAt: t, updatedAt: t }
    this.records.tickets.set(id, ticket)
    this.store(ticket, props)
    return ticket
  }

  // addOthers makes tickets that are somebody else's.
  addOthers(n) {
    for (let i = 0; i < n; i++) {
      const props = { subject: `Fremd ${this.records.tickets.size}`, hs_pipeline: 'kd-werk', hs_pipeline_stage: 'w_neu' }
      this.insert(props).foreign = true
    }
  }

  update(ticket, props, wrong) {
    this.judge(ticket, props, [], wrong)
    this.store(ticket, props)
    return ticket
  }

  store(ticket, props) {
    for (const [name, value] of Object.entries(props)) ticket.properties[name] = value === '' ? null : value
    ticket.updatedAt = now()
    ticket.properties.hs_lastmodifieddate = ticket.updatedAt
    if (props.hs_pipeline_stage && this.closed(ticket)) ticket.properties.closed_date = props.closed_date ?? ticket.properties.closed_date ?? now()
    ticket.written = Date.now()
    this.unanswered.delete(ticket.id)
  }

  closed(ticket) {
    const p = world.pipelines.find((x) => x.id === ticket.properties.hs_pipeline)
    return p?.stages.find((s) => s.id === ticket.properties.hs_pipeline_stage)?.metadata.ticketState === 'CLOSED'
  }

  archive(id, wrong) {
    const t = this.live('tickets', id)
    if (!t) {
      if (!this.unanswered.has(id)) wrong(`ticket ${id} is archived, but it is not there`)
      return
    }
    t.archived = true
    t.archivedAt = now()
    this.unanswered.delete(id)
  }

  checkInline(links, wrong) {
    const seen = new Set()
    return (links ?? []).map((l) => {
      const { type, specs } = this.checkTypes(l.types, undefined, wrong)
      const id = l.to?.id
      if (seen.has(`${type} ${id}`)) wrong(`the association with ${type} ${id} stands twice in one input`)
      seen.add(`${type} ${id}`)
      if (typeof id !== 'string') wrong(`the id of an association is sent as ${typeof id}`)
      if (!this.live(type, id)) {
        wrong(`an association with ${type} ${id}, which does not exist`)
        throw new Refusal(400, 'VALIDATION_ERROR', 'One or more associations are invalid', { context: { INVALID_OBJECT_IDS: [String(id)] } })
      }
      return [type, id, specs]
    })
  }

  // checkTypes returns the other side's object type and the specs as text.
  checkTypes(types, expected, wrong) {
    const refuse = (why) => {
      wrong(why)
      throw new Refusal(400, 'VALIDATION_ERROR', why)
    }
    if (!Array.isArray(types) || !types.length) refuse('an association without types')
    let found
    const specs = types.map((t) => {
      const extra = Object.keys(t).filter((k) => k !== 'associationCategory' && k !== 'associationTypeId')
      if (extra.length) wrong(`an association type has the unknown field ${extra}`)
      if (typeof t.associationTypeId !== 'number') wrong('associationTypeId is not a number')
      const type = Object.keys(world.ticketLinks).find((k) =>
        world.ticketLinks[k].some((l) => l.typeId === t.associationTypeId && l.category === t.associationCategory))
      if (!type || (expected && type !== expected) || (found && type !== found)) {
        refuse(`association type ${t.associationCategory} ${t.associationTypeId} does not go from tickets to ${expected ?? found ?? 'anything'}`)
      }
      found = type
      return `${t.associationCategory}:${t.associationTypeId}`
    })
    if (new Set(specs).size !== specs.length) wrong('an association type stands twice')
    return { type: found, specs }
  }

  plainLink(type) {
    const l = world.ticketLinks[type].find((x) => x.label === null)
    return `${l.category}:${l.typeId}`
  }

  // setLink makes the labels of a pair exactly these; the unlabeled type comes along.
  setLink(ticket, type, other, specs) {
    if (type === 'companies' && specs.includes('HUBSPOT_DEFINED:26')) {
      for (const [key, set] of this.links) if (key.startsWith(`${ticket} companies `)) set.delete('HUBSPOT_DEFINED:26')
    }
    this.links.set(`${ticket} ${type} ${other}`, new Set([...specs, this.plainLink(type)]))
  }

  // associate is one input of the v4 batch create.
  associate(ticket, type, other, types, wrong) {
    const { specs } = this.checkTypes(types, type, wrong)
    if (!this.live('tickets', ticket) || !this.live(type, other)) {
      wrong(`an association of ticket ${ticket} with ${type} ${other}: one of them does not exist`)
      throw new Refusal(400, 'VALIDATION_ERROR', 'One or more associations are invalid', { context: { INVALID_OBJECT_IDS: [ticket, other] } })
    }
    const key = `${ticket} ${type} ${other}`
    const old = this.links.get(key) ?? new Set()
    const wanted = new Set([...specs, this.plainLink(type)])
    if (!this.unanswered.has(key)) {
      if (old.size === wanted.size && [...wanted].every((s) => old.has(s))) wrong(`the association ${key} is there already`)
      const lost = [...old].filter((s) => !wanted.has(s))
      if (lost.length) wrong(`the association ${key} loses ${lost}`)
    }
    this.setLink(ticket, type, other, specs)
    this.unanswered.delete(key)
    return key
  }

  dissociate(ticket, type, other, wrong) {
    const key = `${ticket} ${type} ${other}`
    if (!this.links.has(key) && !this.unanswered.has(key)) wrong(`the association ${key} is removed, but it is not there`)
    this.links.delete(key)
    this.unanswered.delete(key)
    return key
  }

  removeLabels(ticket, type, other, types, wrong) {
    const { specs } = this.checkTypes(types, type, wrong)
    const key = `${ticket} ${type} ${other}`
    const set = this.links.get(key)
    if (!this.unanswered.has(key) && !specs.every((s) => set?.has(s))) wrong(`labels ${specs} of ${key} are removed, but they are not there`)
    if (specs.includes(this.plainLink(type))) this.links.delete(key)
    else for (const s of specs) set?.delete(s)
    this.unanswered.delete(key)
    return key
  }

  linksOf(ticket, type) {
    const prefix = `${ticket} ${type} `
    const found = []
    for (const [key, set] of this.links) {
      const other = key.slice(prefix.length)
      if (key.startsWith(prefix) && this.live(type, other)) found.push({ other, specs: [...set] })
    }
    return found
  }

  dump() {
    const tickets = [...this.records.tickets.values()].map((t) => ({ id: t.id, archived: Boolean(t.archived), foreign: Boolean(t.foreign), properties: t.properties }))
    const associations = [...this.links].map(([key, set]) => {
      const [ticket, type, other] = key.split(' ')
      return { ticket, type, other, types: [...set].sort() }
    })
    return { tickets, associations }
  }
}

// invalid is HubSpot's answer to bad property values: the list stands as JSON in
// the message, and again in errors.
function invalid(faults) {
  return new Refusal(400, 'VALIDATION_ERROR', `Property values were not valid: ${JSON.stringify(faults)}`, {
    errors: faults.map((f) => ({ message: f.message, code: f.error, context: { propertyName: [f.name] } })),
  })
}
