// The endpoints. Each route states the query parameters and body fields that
// HubSpot documents; whatever else comes is a wrong request.
import * as world from './world.mjs'
import { Refusal, now } from './account.mjs'

const types = { tickets: 'tickets', '0-5': 'tickets', contacts: 'contacts', '0-1': 'contacts', companies: 'companies', '0-2': 'companies' }
const singular = { tickets: 'ticket', contacts: 'contact', companies: 'company' }
const maxInputs = 100
const operators = ['EQ', 'NEQ', 'LT', 'LTE', 'GT', 'GTE', 'BETWEEN', 'IN', 'NOT_IN', 'HAS_PROPERTY', 'NOT_HAS_PROPERTY', 'CONTAINS_TOKEN', 'NOT_CONTAINS_TOKEN']

// Date versions have the same endpoints under other paths.
const dated = [
  [/^\/crm\/objects\/\d{4}-\d\d\/([^/]+\/[^/]+\/associations\/.+)$/, '/crm/v4/objects/$1'],
  [/^\/crm\/objects\/\d{4}-\d\d\//, '/crm/v3/objects/'],
  [/^\/crm\/associations\/\d{4}-\d\d\//, '/crm/v4/associations/'],
  [/^\/crm\/properties\/\d{4}-\d\d\//, '/crm/v3/properties/'],
  [/^\/crm\/property-validations\/\d{4}-\d\d\//, '/crm/v3/property-validations/'],
  [/^\/crm\/pipelines\/\d{4}-\d\d\//, '/crm/v3/pipelines/'],
  [/^\/crm\/owners\/\d{4}-\d\d/, '/crm/v3/owners'],
  [/^\/account-info\/\d{4}-\d\d\//, '/account-info/v3/'],
]
export function undated(path) {
  const rule = dated.find(([pattern]) => pattern.test(path))
  return rule ? path.replace(rule[0], rule[1]) : path
}

// A handler gets {account, modes, query, body, wrong, touch, args} and returns
// [status, body]. `touch` names the records that it has written.
const routes = []
const route = (method, pattern, query, handler, fields) =>
  routes.push({ method, pattern: new RegExp(`^${pattern}$`), query, handler, fields })

// find returns the route of a request with the path's arguments.
export function find(method, path) {
  const fitting = routes.filter((r) => r.pattern.test(path))
  const r = fitting.find((x) => x.method === method)
  return { route: r, args: r?.pattern.exec(path).slice(1), known: fitting.length > 0 }
}

const typeOf = (name) => {
  if (!types[name]) throw new Refusal(400, 'VALIDATION_ERROR', `Unable to infer object type from: ${name}`)
  return types[name]
}

// ---- definitions ----

route('GET', '/account-info/v3/details', [], () => [200, world.account])
route('GET', '/account-info/v3/api-usage/daily/private-apps', [], ({ account }) => [200, {
  results: [{ name: 'app', usageLimit: account.modes.daily ?? 625000, currentUsage: account.calls ?? 0, collectedAt: now(), fetchStatus: 'SUCCESS', resetsAt: now() }],
}])
route('GET', '/crm/v3/properties/([^/]+)', ['archived', 'dataSensitivity', 'locale', 'properties'], ({ account, query, args }) => {
  const plain = (query.get('dataSensitivity') ?? 'non_sensitive') === 'non_sensitive'
  const archived = query.get('archived') === 'true'
  return [200, { results: plain ? account.properties[typeOf(args[0])].filter((p) => p.archived === archived) : [] }]
})
route('GET', '/crm/v3/properties/([^/]+)/([^/]+)', ['archived', 'dataSensitivity', 'locale', 'properties'], ({ account, args }) => {
  const p = account.definition(typeOf(args[0]), args[1])
  if (!p) throw new Refusal(404, 'OBJECT_NOT_FOUND', `Property "${args[1]}" does not exist`)
  return [200, p]
})
route('POST', '/crm/v3/properties/tickets', [], ({ account, body, wrong }) => {
  for (const f of ['name', 'label', 'type', 'fieldType', 'groupName']) if (typeof body[f] !== 'string') wrong(`a property without ${f}`)
  if (!/^[a-z][a-z0-9_]{0,99}$/.test(body.name)) wrong(`property name ${body.name}`)
  if (body.groupName !== 'ticketinformation') wrong(`property group ${body.groupName}`)
  if (account.definition('tickets', body.name)) throw new Refusal(409, 'OBJECT_ALREADY_EXISTS', `A property named '${body.name}' already exists.`)
  const p = { ...structuredClone(account.definition('tickets', 'zip')), options: [], ...body }
  account.properties.tickets.push(p)
  return [201, p]
}, ['name', 'label', 'type', 'fieldType', 'groupName', 'description', 'hasUniqueValue', 'hidden', 'formField', 'options', 'displayOrder', 'externalOptions', 'textDisplayHint'])
route('GET', '/crm/v3/property-validations/([^/]+)', [], () => [200, { results: [] }])
route('GET', '/crm/v3/pipelines/([^/]+)', [], ({ args }) => [200, { results: typeOf(args[0]) === 'tickets' ? world.pipelines : [] }])
route('GET', '/crm/v3/owners', ['limit', 'after', 'email', 'archived'], ({ query, wrong }) => {
  const limit = pageLimit(query, 500, 100, wrong)
  const all = world.owners.filter((o) => o.archived === (query.get('archived') === 'true'))
  const from = Number(query.get('after') ?? 0)
  return [200, { results: all.slice(from, from + limit), ...(from + limit < all.length ? { paging: { next: { after: String(from + limit) } } } : {}) }]
})
route('GET', '/crm/(?:v4/associations|associations/v4)/([^/]+)/([^/]+)/labels', [], ({ args, wrong }) => {
  if (typeOf(args[0]) !== 'tickets') wrong('labels of a pair that the import does not write')
  return [200, { results: world.ticketLinks[typeOf(args[1])] ?? [] }]
})

function pageLimit(query, most, preset, wrong) {
  if (!query.has('limit')) return preset
  const n = Number(query.get('limit'))
  if (!Number.isInteger(n) || n < 1 || n > most) {
    wrong(`limit ${query.get('limit')}`)
    throw new Refusal(400, 'VALIDATION_ERROR', 'limit')
  }
  return n
}

// ---- records: reading ----

const always = { tickets: ['createdate', 'hs_object_id', 'hs_lastmodifieddate'], contacts: ['createdate', 'hs_object_id', 'lastmodifieddate'], companies: ['createdate', 'hs_object_id', 'hs_lastmodifieddate'] }
const usual = { tickets: ['subject', 'content', 'hs_pipeline', 'hs_pipeline_stage', 'hs_ticket_category', 'hs_ticket_priority'], contacts: ['email', 'firstname', 'lastname'], companies: ['name', 'domain'] }

function view(account, type, r, names) {
  const properties = {}
  for (const n of [...(names?.length ? names : usual[type]), ...always[type]]) {
    if (account.definition(type, n)) properties[n] = n === 'hs_object_id' ? r.id : r.properties[n] ?? null
  }
  return { id: r.id, properties, createdAt: r.properties.createdate ?? r.createdAt, updatedAt: r.updatedAt, archived: Boolean(r.archived), ...(r.archived ? { archivedAt: r.archivedAt } : {}) }
}

function checkNames(account, type, names, wrong) {
  if (!Array.isArray(names)) return wrong('properties is no list')
  if (new Set(names).size !== names.length) wrong('a property is asked for twice')
  for (const n of names) {
    if (!account.definition(type, n)) wrong(`property ${n} of ${type} is asked for, but does not exist`)
    else if (account.modes.reads && type === 'tickets' && !account.modes.reads.includes(n)) wrong(`property ${n} is read without need`)
  }
}

const list = (query, name) => (query.get(name) ? query.get(name).split(',') : [])

function readOne({ account, query, args, wrong }) {
  const type = typeOf(args[0])
  checkNames(account, type, list(query, 'properties'), wrong)
  const key = query.get('idProperty')
  const r = key ? account.byUnique(type, key, args[1]) : account.records[type].get(args[1])
  if (!r || Boolean(r.archived) !== (query.get('archived') === 'true')) throw new Refusal(404, undefined, 'resource not found')
  return [200, { ...view(account, type, r, list(query, 'properties')), ...nested(account, type, r, query) }]
}

function nested(account, type, r, query) {
  const associations = {}
  for (const name of list(query, 'associations')) {
    const to = typeOf(name)
    const results = account.linksOf(r.id, to).flatMap(({ other, specs }) =>
      specs.map((s) => ({ id: other, type: s === account.plainLink(to) ? `${singular[type]}_to_${singular[to]}` : `labelled_${s.split(':')[1]}` })))
    if (results.length) associations[to] = { results }
  }
  return Object.keys(associations).length ? { associations } : {}
}

route('GET', '/crm/v3/objects/([^/]+)', ['limit', 'after', 'properties', 'propertiesWithHistory', 'associations', 'archived'], ({ account, query, args, wrong }) => {
  const type = typeOf(args[0])
  const limit = pageLimit(query, 100, 10, wrong)
  checkNames(account, type, list(query, 'properties'), wrong)
  if (query.has('after') && !/^\d+$/.test(query.get('after'))) wrong(`after ${query.get('after')}`)
  const from = BigInt(query.get('after') ?? 0)
  const archived = query.get('archived') === 'true'
  const all = [...account.records[type].values()].filter((r) => Boolean(r.archived) === archived && BigInt(r.id) >= from)
  const results = all.slice(0, limit).map((r) => ({ ...view(account, type, r, list(query, 'properties')), ...nested(account, type, r, query) }))
  const next = all[limit]?.id
  return [200, { results, ...(next ? { paging: { next: { after: next, link: `https://api.hubapi.com/?after=${next}` } } } : {}) }]
})
route('GET', '/crm/v3/objects/([^/]+)/([^/]+)', ['properties', 'propertiesWithHistory', 'associations', 'archived', 'idProperty'], readOne)

function inputsOf(body, wrong, most = maxInputs) {
  if (!Array.isArray(body.inputs) || !body.inputs.length) {
    wrong('a batch without inputs')
    throw new Refusal(400, 'VALIDATION_ERROR', 'inputs')
  }
  if (body.inputs.length > most) {
    wrong(`${body.inputs.length} inputs`)
    throw new Refusal(400, 'VALIDATION_ERROR', `the maximum number of inputs supported in a batch request is ${most}`)
  }
  return body.inputs
}

function fieldsOf(input, allowed, wrong) {
  const extra = Object.keys(input).filter((k) => !allowed.includes(k))
  if (extra.length) wrong(`unknown field ${extra} in an input`)
}

function unrepeated(inputs, wrong) {
  const seen = new Set()
  const twice = inputs.map((i) => i.id).filter((id) => seen.size === seen.add(id).size)
  for (const i of inputs) if (typeof i.id !== 'string' || i.id === '') wrong(`id ${JSON.stringify(i.id)} is no text`)
  if (!twice.length) return
  wrong(`ids stand twice in a batch: ${twice}`)
  throw new Refusal(400, 'VALIDATION_ERROR', `Duplicate IDs found in batch input: [${twice}]`, { context: { ids: twice } })
}

function uniqueProperty(account, type, name, wrong) {
  if (account.definition(type, name)?.hasUniqueValue) return
  wrong(`idProperty ${name} has no unique values`)
  throw new Refusal(400, 'VALIDATION_ERROR', `Unable to perform update/upsert by non-unique ${world.typeIds[type]} property ${name}`)
}

const batch = (results, errors, ctx, status = 200) => {
  const body = { status: 'COMPLETE', results: ctx.modes.shuffle ? ctx.shuffled(results) : results, startedAt: now(), completedAt: now() }
  if (errors.length) Object.assign(body, { numErrors: errors.length, errors })
  return [ctx.modes.plain200 ? 200 : errors.length ? 207 : status, body]
}

const missing = (type, ids) => ({
  status: 'error',
  category: 'OBJECT_NOT_FOUND',
  message: `Could not get some ${type.toUpperCase().replace(/S$/, '')} objects, they may be deleted or not exist. Check that ids are valid.`,
  context: { ids },
})

route('POST', '/crm/v3/objects/([^/]+)/batch/read', ['archived'], (ctx) => {
  const { account, query, body, args, wrong } = ctx
  const type = typeOf(args[0])
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) fieldsOf(i, ['id'], wrong)
  unrepeated(inputs, wrong)
  if (body.properties !== undefined) checkNames(account, type, body.properties, wrong)
  if (body.propertiesWithHistory?.length) wrong('the history of properties is read without need')
  if (body.idProperty !== undefined) uniqueProperty(account, type, body.idProperty, wrong)
  const archived = query.get('archived') === 'true'
  const found = []
  const absent = []
  for (const { id } of inputs) {
    const r = body.idProperty ? account.byUnique(type, body.idProperty, id) : account.records[type].get(id)
    if (r && Boolean(r.archived) === archived) found.push(r)
    else absent.push(id)
  }
  const results = [...new Set(found)].map((r) => view(account, type, r, body.properties))
  if (!results.length && ctx.modes.emptyMissing) return batch([], [], ctx)
  return batch(results, absent.length ? [missing(type, absent)] : [], ctx)
}, ['inputs', 'properties', 'propertiesWithHistory', 'idProperty'])

// ---- records: writing ----

function checkTraces(inputs, wrong) {
  const traces = inputs.map((i) => i.objectWriteTraceId)
  if (traces.some((t) => typeof t !== 'string' || t === '')) wrong('an input without objectWriteTraceId')
  if (new Set(traces).size !== traces.length) wrong('objectWriteTraceId stands twice in a batch')
}

const refused = (e, trace) => ({
  status: 'error',
  category: e.category,
  message: e.message,
  ...(e.more.errors ? { errors: e.more.errors } : {}),
  context: { ...e.more.context, objectWriteTraceId: [trace] },
})

// writeEach finds the ticket of every input, if there should be one, and writes it.
// In the mode wholeBatch a refused input refuses all of them, without saying which
// it was, as HubSpot does where it takes no note of trace ids.
function writeEach(ctx, inputs, old, write) {
  const { account, modes } = ctx
  let { wrong } = ctx
  if (modes.wholeBatch) {
    judgeAll(account, inputs, old, wrong)
    wrong = () => {}
  }
  const results = []
  const errors = []
  for (const input of inputs) {
    try {
      const done = write(input, old(input), wrong)
      if (done) results.push({ ...done, ...(modes.traceEcho ? { objectWriteTraceId: input.objectWriteTraceId } : {}) })
    } catch (e) {
      if (!(e instanceof Refusal)) throw e
      errors.push(refused(e, input.objectWriteTraceId))
    }
  }
  return { results, errors }
}

function judgeAll(account, inputs, old, wrong) {
  const refusals = inputs.flatMap((i) => {
    try {
      const t = old(i)
      account.judge(t, t && i.idProperty ? without(i.properties, i.idProperty) : i.properties, i.associations, wrong)
      return []
    } catch (e) {
      if (!(e instanceof Refusal)) throw e
      return [e]
    }
  })
  if (refusals.length) throw refusals[0]
}

// without leaves the key of an upsert out: it names the record and need not differ.
function without(properties, key) {
  const { [key]: _, ...rest } = properties
  return rest
}

const written = (account, t, props) => view(account, 'tickets', t, [...new Set([...usual.tickets, ...Object.keys(props)])])

route('POST', '/crm/v3/objects/tickets/batch/create', [], (ctx) => {
  const { account, body, wrong, touch } = ctx
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) fieldsOf(i, ['properties', 'associations', 'objectWriteTraceId'], wrong)
  checkTraces(inputs, wrong)
  const keys = inputs.flatMap((i) => account.properties.tickets.filter((p) => p.hasUniqueValue && i.properties?.[p.name]).map((p) => `${p.name} ${i.properties[p.name]}`))
  if (new Set(keys).size !== keys.length) wrong('a unique value stands twice in a batch')
  const { results, errors } = writeEach(ctx, inputs, () => undefined, (i, _, note) => {
    const t = account.create(i.properties, i.associations, note)
    touch(t.id)
    return written(account, t, i.properties)
  })
  return batch(results, errors, ctx, 201)
}, ['inputs'])

route('POST', '/crm/v3/objects/tickets', [], ({ account, body, wrong, touch }) => {
  const t = account.create(body.properties, body.associations, wrong)
  touch(t.id)
  return [201, written(account, t, body.properties)]
}, ['properties', 'associations'])

route('POST', '/crm/v3/objects/tickets/batch/update', [], (ctx) => {
  const { account, body, wrong, touch } = ctx
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) {
    fieldsOf(i, ['id', 'idProperty', 'objectWriteTraceId', 'properties'], wrong)
    if (i.idProperty !== undefined) uniqueProperty(account, 'tickets', i.idProperty, wrong)
  }
  checkTraces(inputs, wrong)
  unrepeated(inputs, wrong)
  const find = (i) => (i.idProperty ? account.byUnique('tickets', i.idProperty, i.id) : account.live('tickets', i.id))
  const absent = inputs.filter((i) => !find(i)).map((i) => i.id)
  const { results, errors } = writeEach(ctx, inputs.filter(find), find, (i, t, note) => {
    account.update(t, i.properties, note)
    touch(t.id)
    return written(account, t, i.properties)
  })
  return batch(results, absent.length ? [...errors, missing('tickets', absent)] : errors, ctx)
}, ['inputs'])

route('PATCH', '/crm/v3/objects/tickets/([^/]+)', ['idProperty'], ({ account, body, query, args, wrong, touch }) => {
  const t = query.get('idProperty') ? account.byUnique('tickets', query.get('idProperty'), args[0]) : account.live('tickets', args[0])
  if (!t) throw new Refusal(404, undefined, 'resource not found')
  account.update(t, body.properties, wrong)
  touch(t.id)
  return [200, written(account, t, body.properties)]
}, ['properties'])

route('POST', '/crm/v3/objects/tickets/batch/upsert', [], (ctx) => {
  const { account, body, wrong, touch } = ctx
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) {
    fieldsOf(i, ['id', 'idProperty', 'objectWriteTraceId', 'properties'], wrong)
    if (i.idProperty === undefined) wrong('an upsert without idProperty')
    uniqueProperty(account, 'tickets', i.idProperty, wrong)
  }
  if (new Set(inputs.map((i) => i.idProperty)).size > 1) wrong('an upsert with several idProperties')
  checkTraces(inputs, wrong)
  unrepeated(inputs, wrong)
  const find = (i) => account.byUnique('tickets', i.idProperty, i.id)
  const { results, errors } = writeEach(ctx, inputs, find, (i, old, note) => {
    if (!old && i.properties[i.idProperty] !== i.id) note(`the key ${i.id} is not among the properties`)
    const t = old ? account.update(old, without(i.properties, i.idProperty), note) : account.create(i.properties, [], note)
    touch(t.id)
    return { ...written(account, t, i.properties), new: !old }
  })
  return batch(results, errors, ctx)
}, ['inputs'])

route('POST', '/crm/v3/objects/tickets/batch/archive', [], ({ account, body, wrong, touch }) => {
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) fieldsOf(i, ['id'], wrong)
  unrepeated(inputs, wrong)
  for (const { id } of inputs) {
    account.archive(id, wrong)
    touch(id)
  }
  return [204]
}, ['inputs'])

route('DELETE', '/crm/v3/objects/tickets/([^/]+)', [], ({ account, args, wrong, touch }) => {
  account.archive(args[0], wrong)
  touch(args[0])
  return [204]
})

// ---- search ----

route('POST', '/crm/v3/objects/([^/]+)/search', [], ({ account, modes, body, args, wrong }) => {
  const type = typeOf(args[0])
  const groups = body.filterGroups ?? []
  checkSearch(account, type, body, groups, wrong)
  const lag = Date.now() - (modes.searchLag ?? 0)
  let found = [...account.records[type].values()].filter((r) => !r.archived && (r.written ?? 0) <= lag)
  if (groups.length) found = found.filter((r) => groups.some((g) => g.filters.every((f) => fits(account, type, r, f))))
  const [sort] = body.sorts ?? []
  if (sort) found.sort(order(account, type, sort))
  const from = Number(body.after ?? 0)
  const limit = body.limit ?? 10
  const next = from + limit < found.length ? { paging: { next: { after: String(from + limit) } } } : {}
  return [200, { total: found.length, results: found.slice(from, from + limit).map((r) => view(account, type, r, body.properties)), ...next }]
}, ['filterGroups', 'sorts', 'query', 'properties', 'limit', 'after'])

function checkSearch(account, type, body, groups, wrong) {
  const refuse = (why) => {
    wrong(why)
    throw new Refusal(400, 'VALIDATION_ERROR', why)
  }
  if (body.properties !== undefined) checkNames(account, type, body.properties, wrong)
  if (body.limit !== undefined && !(Number.isInteger(body.limit) && body.limit >= 1 && body.limit <= 200)) refuse(`search limit ${body.limit}`)
  if (body.after !== undefined && !/^\d+$/.test(body.after)) refuse(`search after ${body.after}`)
  if (Number(body.after ?? 0) + (body.limit ?? 10) > 10000) refuse('a search beyond 10,000')
  if ((body.sorts ?? []).length > 1) refuse('several sorts')
  if (groups.length > 5 || groups.some((g) => g.filters.length > 6) || groups.flatMap((g) => g.filters).length > 18) refuse('too many filters')
  for (const f of groups.flatMap((g) => g.filters)) {
    const p = account.definition(type, f.propertyName)
    if (!p) refuse(`a filter on ${f.propertyName}, which does not exist`)
    if (!operators.includes(f.operator)) refuse(`operator ${f.operator}`)
    fieldsOf(f, ['propertyName', 'operator', 'value', 'values', 'highValue'], wrong)
    if (p.hasUniqueValue && ['EQ', 'IN'].includes(f.operator)) wrong(`a search by ${f.propertyName}; batch read with idProperty is fresh`)
    if ((f.operator === 'IN' || f.operator === 'NOT_IN') && !(Array.isArray(f.values) && f.values.length >= 1 && f.values.length <= 100)) refuse(`${f.values?.length} values`)
    if (p.type === 'datetime' && f.value !== undefined && !/^\d{12,13}$/.test(f.value)) wrong(`filter value ${f.value} is no epoch in milliseconds`)
    if (p.type === 'string' && f.operator === 'IN' && f.values.some((v) => v !== v.toLowerCase())) wrong('values of IN must be in lower case')
  }
}

const comparable = (account, type, r, name) => {
  const v = name === 'hs_object_id' ? r.id : r.properties[name]
  const p = account.definition(type, name)
  if (v === null || v === undefined) return null
  if (p.type === 'datetime') return BigInt(Date.parse(v))
  return p.type === 'number' && /^-?\d+$/.test(v) ? BigInt(v) : v
}
const like = (sample, text) => (typeof sample === 'bigint' ? BigInt(text) : text)

function fits(account, type, r, { propertyName, operator, value, values, highValue }) {
  const v = comparable(account, type, r, propertyName)
  if (operator === 'HAS_PROPERTY') return v !== null
  if (operator === 'NOT_HAS_PROPERTY') return v === null
  if (v === null) return operator === 'NEQ' || operator === 'NOT_IN'
  const lower = (x) => (typeof x === 'string' ? x.toLowerCase() : x)
  switch (operator) {
    case 'EQ': return lower(v) === lower(like(v, value))
    case 'NEQ': return lower(v) !== lower(like(v, value))
    case 'IN': return values.some((x) => lower(v) === lower(like(v, x)))
    case 'NOT_IN': return !values.some((x) => lower(v) === lower(like(v, x)))
    case 'GT': return v > like(v, value)
    case 'GTE': return v >= like(v, value)
    case 'LT': return v < like(v, value)
    case 'LTE': return v <= like(v, value)
    case 'BETWEEN': return v >= like(v, value) && v <= like(v, highValue)
    case 'CONTAINS_TOKEN': return lower(v).split(/\W+/).includes(lower(value))
    default: return !lower(v).split(/\W+/).includes(lower(value))
  }
}

function order(account, type, sort) {
  const [name, down] = typeof sort === 'string' ? [sort.replace(/^-/, ''), sort.startsWith('-')] : [sort.propertyName, sort.direction === 'DESCENDING']
  return (a, b) => {
    const [x, y] = [comparable(account, type, a, name), comparable(account, type, b, name)]
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1)
  }
}

// ---- associations ----

const links = '/crm/v4/associations/tickets/([^/]+)/batch'

function eachPair(ctx, inputs, write) {
  const results = []
  const errors = []
  const seen = new Set()
  for (const i of inputs) {
    try {
      const key = `${i.from?.id} ${i.to?.id}`
      if (seen.has(key)) ctx.wrong(`the pair ${key} stands twice in a batch`)
      seen.add(key)
      results.push(write(i))
    } catch (e) {
      if (!(e instanceof Refusal)) throw e
      errors.push({ status: 'error', category: e.category, message: e.message, context: { fromObjectId: [i.from?.id], toObjectId: [i.to?.id], ...e.more.context } })
    }
  }
  return { results, errors }
}

route('POST', `${links}/create`, [], (ctx) => {
  const { account, body, args, wrong, touch } = ctx
  const type = typeOf(args[0])
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) fieldsOf(i, ['from', 'to', 'types'], wrong)
  const { results, errors } = eachPair(ctx, inputs, (i) => {
    touch(account.associate(i.from.id, type, i.to.id, i.types, wrong))
    return { fromObjectTypeId: '0-5', fromObjectId: i.from.id, toObjectTypeId: world.typeIds[type], toObjectId: i.to.id, labels: [] }
  })
  return batch(results, errors, ctx, 201)
}, ['inputs'])

route('POST', `${links}/associate/default`, [], (ctx) => {
  const { account, body, args, wrong, touch } = ctx
  const type = typeOf(args[0])
  const [category, id] = account.plainLink(type).split(':')
  const spec = { associationCategory: category, associationTypeId: Number(id) }
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) fieldsOf(i, ['from', 'to'], wrong)
  const { results, errors } = eachPair(ctx, inputs, (i) => {
    touch(account.associate(i.from.id, type, i.to.id, [spec], wrong))
    return { from: i.from, to: i.to, associationSpec: spec }
  })
  const [, answer] = batch(results, errors, ctx)
  return [200, answer]
}, ['inputs'])

route('POST', `${links}/archive`, [], (ctx) => {
  const { account, body, args, wrong, touch } = ctx
  const type = typeOf(args[0])
  for (const i of inputsOf(body, wrong)) {
    fieldsOf(i, ['from', 'to'], wrong)
    for (const to of i.to) touch(account.dissociate(i.from.id, type, to.id, wrong))
  }
  return [204]
}, ['inputs'])

route('POST', `${links}/labels/archive`, [], (ctx) => {
  const { account, body, args, wrong, touch } = ctx
  const type = typeOf(args[0])
  for (const i of inputsOf(body, wrong)) {
    fieldsOf(i, ['from', 'to', 'types'], wrong)
    touch(account.removeLabels(i.from.id, type, i.to.id, i.types, wrong))
  }
  return [204]
}, ['inputs'])

const linkView = (account, modes, type, { other, specs }) => ({
  toObjectId: modes.numericTo ? `@number ${other}` : other,
  associationTypes: specs.map((s) => world.ticketLinks[type].find((l) => `${l.category}:${l.typeId}` === s)),
})

route('POST', `${links}/read`, [], (ctx) => {
  const { account, modes, body, args, wrong } = ctx
  const type = typeOf(args[0])
  const inputs = inputsOf(body, wrong)
  for (const i of inputs) fieldsOf(i, ['id', 'after'], wrong)
  unrepeated(inputs, wrong)
  const results = []
  const errors = []
  const page = modes.linkPage ?? 500
  for (const { id, after } of inputs) {
    const found = account.live('tickets', id) ? account.linksOf(id, type) : []
    const from = after ? Number(Buffer.from(after, 'base64').toString()) : 0
    const to = found.slice(from, from + page).map((l) => linkView(account, modes, type, l))
    if (!found.length) {
      errors.push({ status: 'error', category: 'OBJECT_NOT_FOUND', subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND', message: `No ${singular[type]} is associated with ticket ${id}.`, context: { fromObjectId: [id], fromObjectType: ['ticket'], toObjectType: [singular[type]] } })
    } else {
      const next = from + page < found.length ? { paging: { next: { after: Buffer.from(String(from + page)).toString('base64') } } } : {}
      results.push({ from: { id }, to: modes.shuffle ? ctx.shuffled(to) : to, ...next })
    }
  }
  return batch(results, errors, ctx)
}, ['inputs'])

route('GET', '/crm/v4/objects/tickets/([^/]+)/associations/([^/]+)', ['limit', 'after'], ({ account, modes, query, args, wrong }) => {
  const type = typeOf(args[1])
  const limit = pageLimit(query, 500, modes.linkPage ?? 500, wrong)
  const found = account.linksOf(args[0], type)
  const from = Number(query.get('after') ?? 0)
  const next = from + limit < found.length ? { paging: { next: { after: String(from + limit) } } } : {}
  return [200, { results: found.slice(from, from + limit).map((l) => linkView(account, modes, type, l)), ...next }]
})

route('DELETE', '/crm/v3/objects/tickets/([^/]+)/associations/([^/]+)/([^/]+)/(\\d+)', [], ({ account, args, wrong, touch }) => {
  const type = typeOf(args[1])
  const l = world.ticketLinks[type].find((x) => x.typeId === Number(args[3]))
  if (!l) wrong(`association type ${args[3]}`)
  else touch(account.removeLabels(args[0], type, args[2], [{ associationCategory: l.category, associationTypeId: l.typeId }], wrong))
  return [204]
})
