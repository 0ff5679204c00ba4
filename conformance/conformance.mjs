// Drives a sandbox account with HubSpot's official client for Node.
//
//   node conformance.mjs URL [URL-of-an-account-with-a-limit-of-5-in-ten-seconds]
//
// Each check is one behaviour that a program written against HubSpot relies on.
// The last line is "N passed, M failed"; the exit status is 1 if any failed.
import assert from 'node:assert/strict'
import { Client } from '@hubspot/api-client'

const url = process.argv[2] ?? process.env.HUBSPOT_BASE_URL
const limitedURL = process.argv[3] ?? process.env.HUBSPOT_LIMITED_URL
if (!url) {
  console.error('usage: node conformance.mjs URL [URL-of-a-limited-account]')
  process.exit(1)
}
const unhurried = { minTime: 0, maxConcurrent: 4 }
const connect = (basePath, accessToken = 'pat-conformance') =>
  new Client({ accessToken, basePath, numberOfApiCallRetries: 0, limiterOptions: unhurried })

const hubspot = connect(url)
const { tickets, contacts, companies } = hubspot.crm
const links = hubspot.crm.associations.v4

let passed = 0
let failed = 0
async function check(name, body) {
  try {
    await body()
    passed++
    console.log(`ok    ${name}`)
  } catch (err) {
    failed++
    console.log(`FAIL  ${name}\n      ${String(err?.stack ?? err).split('\n').slice(0, 6).join('\n      ')}`)
  }
}

// refused runs a call that must fail and returns its ApiException.
async function refused(code, call) {
  try {
    await call()
  } catch (err) {
    assert.equal(err.code, code, String(err.message).slice(0, 400))
    return err
  }
  assert.fail(`the call was not refused with ${code}`)
}

const ticket = (n, more = {}) => ({ subject: `Ticket ${n}`, hs_pipeline: '0', hs_pipeline_stage: '1', ...more })
const hubspotType = (associationTypeId) => ({ associationCategory: 'HUBSPOT_DEFINED', associationTypeId })

// What the account has, so that the checks need not know it.
const pipelines = (await hubspot.crm.pipelines.pipelinesApi.getAll('tickets')).results
const properties = (await hubspot.crm.properties.coreApi.getAll('tickets')).results
const unique = properties.find((p) => p.hasUniqueValue && !p.hidden && !p.modificationMetadata?.readOnlyValue)?.name
const [person, otherPerson] = (await contacts.basicApi.getPage(2, undefined, ['email'])).results
const [company, otherCompany] = (await companies.basicApi.getPage(2, undefined, ['domain'])).results
const run = Date.now().toString(36)

await check('account: at least three pipelines, each with a closed stage', async () => {
  assert.ok(pipelines.length >= 3)
  for (const p of pipelines) {
    assert.ok(p.stages.some((s) => s.metadata.ticketState === 'CLOSED'), p.label)
    assert.ok(p.createdAt instanceof Date)
  }
})

await check('properties: definitions, options, one of them by name', async () => {
  assert.ok(unique, 'a unique property')
  const priority = await hubspot.crm.properties.coreApi.getByName('tickets', 'hs_ticket_priority')
  assert.equal(priority.type, 'enumeration')
  assert.ok(priority.options.some((o) => o.value === 'HIGH'))
})

await check('properties: archived ones only on request', async () => {
  const archived = (await hubspot.crm.properties.coreApi.getAll('tickets', true)).results
  assert.ok(archived.length > 0)
  assert.ok(archived.every((a) => properties.every((p) => p.name !== a.name)))
})

await check('owners: pages, by e-mail, archived', async () => {
  const api = hubspot.crm.owners.ownersApi
  const seen = []
  let after
  do {
    const page = await api.getPage(undefined, after, 20)
    seen.push(...page.results)
    after = page.paging?.next?.after
  } while (after)
  assert.ok(seen.length > 20)
  assert.equal(new Set(seen.map((o) => o.id)).size, seen.length)
  const one = (await api.getPage(seen[3].email, undefined, 10)).results
  assert.ok(one.some((o) => o.id === seen[3].id))
  assert.equal((await api.getById(Number(seen[3].id))).email, seen[3].email)
  assert.ok((await api.getPage(undefined, undefined, 100, true)).results.every((o) => o.archived))
})

let first
await check('create: with associations, read back', async () => {
  first = await tickets.basicApi.create({
    properties: ticket('first', { content: 'Linha 1\nLinha 2 "ção"', createdate: '2024-02-29T12:30:00Z' }),
    associations: [
      { to: { id: person.id }, types: [hubspotType(16)] },
      { to: { id: company.id }, types: [hubspotType(26)] },
    ],
  })
  assert.match(first.id, /^\d+$/)
  const got = await tickets.basicApi.getById(first.id, ['subject', 'content', 'createdate', 'hs_resolution'], undefined, ['contacts', 'companies'])
  assert.equal(got.properties.content, 'Linha 1\nLinha 2 "ção"')
  assert.equal(got.properties.createdate, '2024-02-29T12:30:00Z')
  assert.equal(got.properties.hs_resolution, null)
  assert.equal(got.associations.contacts.results[0].id, person.id)
  assert.deepEqual(got.associations.companies.results.map((r) => r.type).sort(), ['ticket_to_company', 'ticket_to_company_unlabeled'])
  assert.equal(got.createdAt.toISOString(), '2024-02-29T12:30:00.000Z')
})

await check('create: a bad value is a 400 with JSON in the message', async () => {
  const err = await refused(400, () => tickets.basicApi.create({ properties: ticket(1, { hs_ticket_priority: 'high' }), associations: [] }))
  assert.equal(err.body.category, 'VALIDATION_ERROR')
  assert.equal(err.body.errors[0].code, 'INVALID_OPTION')
  assert.deepEqual(err.body.errors[0].context.propertyName, ['hs_ticket_priority'])
  const embedded = JSON.parse(err.body.message.replace('Property values were not valid: ', ''))
  assert.equal(embedded[0].name, 'hs_ticket_priority')
  assert.ok(err.body.correlationId)
})

await check('create: unknown and read-only properties', async () => {
  const err = await refused(400, () => tickets.basicApi.create({ properties: ticket(1, { no_such: 'x', hs_object_id: '1' }), associations: [] }))
  assert.deepEqual(err.body.errors.map((e) => e.code).sort(), ['PROPERTY_DOESNT_EXIST', 'READ_ONLY_VALUE'])
})

await check('create: a stage of another pipeline', async () => {
  const err = await refused(400, () => tickets.basicApi.create({ properties: ticket(1, { hs_pipeline_stage: pipelines[1].stages[0].id }), associations: [] }))
  assert.equal(err.body.errors[0].code, 'INVALID_OPTION')
})

await check('create: a missing association target stores nothing', async () => {
  const before = await count()
  const err = await refused(400, () => tickets.basicApi.create({ properties: ticket(1), associations: [{ to: { id: '999' }, types: [hubspotType(16)] }] }))
  assert.deepEqual(err.body.context.INVALID_OBJECT_IDS, ['999'])
  assert.equal(await count(), before)
})

async function count() {
  return (await tickets.searchApi.doSearch({ filterGroups: [], sorts: [], properties: [], limit: 1, after: '0' })).total
}

let hundred
await check('batch create: a hundred, results paired by trace id', async () => {
  const inputs = Array.from({ length: 100 }, (_, i) => ({
    objectWriteTraceId: `${run}-${i}`, properties: ticket(`${run} ${i}`, { [unique]: `${run}-${i}` }), associations: [],
  }))
  const res = await tickets.batchApi.create({ inputs })
  assert.equal(res.status, 'COMPLETE')
  assert.equal(res.results.length, 100)
  hundred = new Map(res.results.map((r) => [r.objectWriteTraceId, r]))
  assert.equal(hundred.get(`${run}-42`).properties.subject, `Ticket ${run} 42`)
})

await check('batch create: 101 inputs are refused', async () => {
  const inputs = Array.from({ length: 101 }, (_, i) => ({ objectWriteTraceId: `x${i}`, properties: ticket(i), associations: [] }))
  const err = await refused(400, () => tickets.batchApi.create({ inputs }))
  assert.equal(err.body.category, 'VALIDATION_ERROR')
})

await check('batch create: without trace ids one bad row refuses all', async () => {
  const before = await count()
  const inputs = [{ properties: ticket('a'), associations: [] }, { properties: ticket('b', { hubspot_owner_id: '1' }), associations: [] }]
  const err = await refused(400, () => tickets.batchApi.create({ inputs }))
  assert.equal(err.body.errors.length, 1)
  assert.equal(await count(), before)
})

await check('batch create: with trace ids it is a 207', async () => {
  const inputs = [
    { objectWriteTraceId: 'good', properties: ticket('good'), associations: [] },
    { objectWriteTraceId: 'bad', properties: ticket('bad', { hs_ticket_priority: 'nope' }), associations: [] },
    { objectWriteTraceId: 'taken', properties: ticket('taken', { [unique]: `${run}-1` }), associations: [] },
  ]
  const res = await tickets.batchApi.create({ inputs })
  assert.deepEqual(res.results.map((r) => r.objectWriteTraceId), ['good'])
  assert.equal(res.numErrors, 2)
  const byTrace = new Map(res.errors.map((e) => [e.context.objectWriteTraceId[0], e]))
  assert.equal(byTrace.get('bad').category, 'VALIDATION_ERROR')
  assert.equal(byTrace.get('taken').category, 'CONFLICT')
})

await check('list: pages of ids in order, with associations', async () => {
  const seen = []
  let after
  do {
    const page = await tickets.basicApi.getPage(40, after, ['subject'], undefined, ['contacts'])
    assert.ok(page.results.length <= 40)
    seen.push(...page.results)
    after = page.paging?.next?.after
  } while (after)
  assert.equal(new Set(seen.map((t) => t.id)).size, seen.length)
  assert.ok(seen.length >= 102)
  assert.equal(seen.find((t) => t.id === first.id).associations.contacts.results[0].id, person.id)
})

await check('list: the client\'s own getAll', async () => {
  const all = await tickets.getAll(100, undefined, ['subject'])
  assert.ok(all.length >= 102)
})

await check('list: 101 a page is refused', () => refused(400, () => tickets.basicApi.getPage(101)))

await check('list: 51 a page is refused with history', () =>
  refused(400, () => tickets.basicApi.getPage(51, undefined, undefined, ['subject'])))

await check('search: filters, sort, pages', async () => {
  const request = (after) => ({
    filterGroups: [{ filters: [{ propertyName: unique, operator: 'HAS_PROPERTY' }, { propertyName: 'subject', operator: 'CONTAINS_TOKEN', value: run }] }],
    sorts: ['-hs_object_id'], properties: ['subject'], limit: 60, after,
  })
  const one = await tickets.searchApi.doSearch(request('0'))
  assert.equal(one.total, 100)
  assert.equal(one.results.length, 60)
  const two = await tickets.searchApi.doSearch(request(one.paging.next.after))
  assert.equal(two.results.length, 40)
  assert.equal(two.paging, undefined)
  assert.ok(BigInt(one.results[0].id) > BigInt(two.results[0].id))
})

await check('search: beyond 10,000 and unknown operators are refused', async () => {
  await refused(400, () => tickets.searchApi.doSearch({ filterGroups: [], sorts: [], properties: [], limit: 100, after: '9950' }))
  await refused(400, () => tickets.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'subject', operator: 'LIKE', value: 'x' }] }], sorts: [], properties: [], limit: 10, after: '0',
  }))
})

await check('update: sets, clears, appends', async () => {
  await tickets.basicApi.update(first.id, { properties: { hs_ticket_category: 'BILLING_ISSUE', content: '' } })
  await tickets.basicApi.update(first.id, { properties: { hs_ticket_category: ';PRODUCT_ISSUE' } })
  const got = await tickets.basicApi.getById(first.id, ['hs_ticket_category', 'content'], ['hs_ticket_category'])
  assert.deepEqual(got.properties.hs_ticket_category.split(';').sort(), ['BILLING_ISSUE', 'PRODUCT_ISSUE'])
  assert.ok(!got.properties.content)
  assert.equal(got.propertiesWithHistory.hs_ticket_category.length, 2)
})

await check('update: a closed stage sets closed_date', async () => {
  const closed = pipelines[0].stages.find((s) => s.metadata.ticketState === 'CLOSED')
  await tickets.basicApi.update(first.id, { properties: { hs_pipeline_stage: closed.id } })
  const got = await tickets.basicApi.getById(first.id, ['closed_date', 'time_to_close'])
  assert.ok(got.properties.closed_date)
  assert.ok(Number(got.properties.time_to_close) > 0)
})

await check('update by a unique property', async () => {
  const got = await tickets.basicApi.update(`${run}-5`, { properties: { subject: 'By key' } }, unique)
  assert.equal(got.id, hundred.get(`${run}-5`).id)
})

await check('batch update: unknown ids are one error of a 207', async () => {
  const res = await tickets.batchApi.update({ inputs: [
    { id: first.id, objectWriteTraceId: 'u1', properties: { subject: 'Updated' } },
    { id: '123', objectWriteTraceId: 'u2', properties: { subject: 'Nobody' } },
  ] })
  assert.equal(res.results.length, 1)
  assert.equal(res.errors[0].category, 'OBJECT_NOT_FOUND')
  assert.deepEqual(res.errors[0].context.ids, ['123'])
})

await check('batch update: the same id twice is refused', async () => {
  const input = { id: first.id, properties: { subject: 'Twice' } }
  const err = await refused(400, () => tickets.batchApi.update({ inputs: [input, input] }))
  assert.deepEqual(err.body.context.ids, [first.id])
})

await check('batch upsert: tells new from old, in any order', async () => {
  const input = (key, trace) => ({ id: key, idProperty: unique, objectWriteTraceId: trace, properties: ticket(key, { [unique]: key }) })
  const res = await tickets.batchApi.upsert({ inputs: [input(`${run}-7`, 'old'), input(`${run}-new`, 'new')] })
  const byTrace = new Map(res.results.map((r) => [r.objectWriteTraceId, r]))
  assert.equal(byTrace.get('old')._new, false)
  assert.equal(byTrace.get('old').id, hundred.get(`${run}-7`).id)
  assert.equal(byTrace.get('new')._new, true)
})

await check('batch upsert: by a property that is not unique', async () => {
  const err = await refused(400, () => tickets.batchApi.upsert({ inputs: [{ id: '1', idProperty: 'hs_object_id', properties: ticket(1) }] }))
  assert.match(err.body.message, /non-unique 0-5 property hs_object_id/)
})

await check('batch read: by a unique property, with missing keys', async () => {
  const res = await tickets.batchApi.read({
    idProperty: unique, inputs: [{ id: `${run}-8` }, { id: 'nobody' }], properties: ['subject', unique], propertiesWithHistory: [],
  })
  assert.equal(res.results[0].properties[unique], `${run}-8`)
  assert.deepEqual(res.errors[0].context.ids, ['nobody'])
})

await check('contacts: batch read by e-mail; companies: search by domain', async () => {
  const res = await contacts.batchApi.read({ idProperty: 'email', inputs: [{ id: person.properties.email }], properties: ['email'], propertiesWithHistory: [] })
  assert.equal(res.results[0].id, person.id)
  const found = await companies.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'domain', operator: 'IN', values: [company.properties.domain] }] }], sorts: [], properties: ['domain'], limit: 10, after: '0',
  })
  assert.ok(found.results.some((c) => c.id === company.id))
})

let reporter
await check('labels: of both categories', async () => {
  const labels = (await links.schema.definitionsApi.getAll('tickets', 'contacts')).results
  assert.ok(labels.some((l) => l.category === 'HUBSPOT_DEFINED' && l.typeId === 16 && l.label === null))
  reporter = labels.find((l) => l.category === 'USER_DEFINED')
  assert.ok(reporter)
})

await check('associations: batch create with a label, read in batch', async () => {
  const second = hundred.get(`${run}-10`).id
  const made = await links.batchApi.create('tickets', 'contacts', { inputs: [{
    _from: { id: second }, to: { id: person.id }, types: [{ associationCategory: 'USER_DEFINED', associationTypeId: reporter.typeId }],
  }] })
  assert.deepEqual(made.results[0].labels, [reporter.label])
  const read = await links.batchApi.getPage('tickets', 'contacts', { inputs: [{ id: second }, { id: hundred.get(`${run}-11`).id }] })
  assert.equal(read.results.length, 1)
  assert.equal(String(read.results[0].to[0].toObjectId), person.id)
  assert.deepEqual(read.results[0].to[0].associationTypes.map((t) => t.typeId).sort((a, b) => a - b), [reporter.typeId, 16])
  assert.equal(read.errors[0].subCategory, 'crm.associations.NO_ASSOCIATIONS_FOUND')
})

await check('associations: the other direction, and the wrong one', async () => {
  const back = await links.basicApi.getPage('contacts', person.id, 'tickets')
  assert.ok(back.results.length >= 2)
  await refused(400, () => links.batchApi.create('tickets', 'contacts', { inputs: [{ _from: { id: first.id }, to: { id: person.id }, types: [hubspotType(15)] }] }))
})

await check('associations: labels are removed, then the link', async () => {
  const second = hundred.get(`${run}-10`).id
  await links.batchApi.archiveLabels('tickets', 'contacts', { inputs: [{
    _from: { id: second }, to: { id: person.id }, types: [{ associationCategory: 'USER_DEFINED', associationTypeId: reporter.typeId }],
  }] })
  let page = await links.basicApi.getPage('tickets', second, 'contacts')
  assert.deepEqual(page.results[0].associationTypes.map((t) => t.typeId), [16])
  await links.batchApi.archive('tickets', 'contacts', { inputs: [{ _from: { id: second }, to: [{ id: person.id }] }] })
  page = await links.basicApi.getPage('tickets', second, 'contacts')
  assert.equal(page.results.length, 0)
})

await check('associations: one primary company, default links', async () => {
  await links.batchApi.create('tickets', 'companies', { inputs: [{ _from: { id: first.id }, to: { id: otherCompany.id }, types: [hubspotType(26)] }] })
  const page = await links.basicApi.getPage('tickets', first.id, 'companies')
  const primary = page.results.filter((r) => r.associationTypes.some((t) => t.typeId === 26))
  assert.deepEqual(primary.map((r) => String(r.toObjectId)), [otherCompany.id])
  assert.equal(page.results.length, 2)
  const made = await links.batchApi.createDefault('tickets', 'contacts', { inputs: [{ _from: { id: first.id }, to: { id: otherPerson.id } }] })
  assert.equal(made.results.length, 1)
})

await check('archive: one and a batch; archived reads', async () => {
  const ids = [20, 21].map((n) => hundred.get(`${run}-${n}`).id)
  await tickets.basicApi.archive(first.id)
  await tickets.batchApi.archive({ inputs: ids.map((id) => ({ id })) })
  await refused(404, () => tickets.basicApi.getById(first.id))
  const got = await tickets.basicApi.getById(first.id, ['subject'], undefined, undefined, true)
  assert.equal(got.archived, true)
  assert.ok(got.archivedAt instanceof Date)
  const page = await tickets.basicApi.getPage(100, undefined, ['subject'], undefined, undefined, true)
  assert.ok(page.results.every((t) => t.archived))
  for (const id of ids) assert.ok(page.results.some((t) => t.id === id))
})

await check('errors: unknown ids and object types, no token', async () => {
  const err = await refused(404, () => tickets.basicApi.getById('123'))
  assert.equal(err.body.message, 'resource not found')
  await refused(404, () => tickets.basicApi.getById('abc'))
  await refused(400, () => hubspot.crm.objects.basicApi.getPage('spaceships'))
  const anonymous = await refused(401, () => connect(url, '').crm.tickets.basicApi.getPage(1))
  assert.equal(anonymous.body.category, 'INVALID_AUTHENTICATION')
})

await check('raw requests: account details, date versions, headers', async () => {
  const details = await (await hubspot.apiRequest({ path: '/account-info/v3/details' })).json()
  assert.ok(Number.isInteger(details.portalId))
  const res = await hubspot.apiRequest({ path: '/crm/objects/2026-03/tickets?limit=1' })
  assert.equal(res.status, 200)
  assert.ok(Number(res.headers.get('x-hubspot-ratelimit-max')) > 0)
})

if (limitedURL) {
  await check('limits: the sixth request in ten seconds is a 429', async () => {
    const limited = connect(limitedURL)
    for (let i = 0; i < 5; i++) await limited.crm.tickets.basicApi.getPage(1)
    const err = await refused(429, () => limited.crm.tickets.basicApi.getPage(1))
    assert.equal(err.body.policyName, 'TEN_SECONDLY_ROLLING')
    assert.equal(err.body.errorType, 'RATE_LIMIT')
    assert.equal(err.headers['x-hubspot-ratelimit-max'], '5')
  })
}

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
