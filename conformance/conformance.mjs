// Drives a sandbox account with HubSpot's official client for Node.
//
//   node conformance.mjs URL [URL-of-an-account-with-a-limit-of-5-in-ten-seconds [URL-of-an-account-under-the-rules-of-2026-09]]
//
// Each check is one behaviour that a program written against HubSpot relies on.
// The last line is "N passed, M failed"; the exit status is 1 if any failed.
import assert from 'node:assert/strict'
import { Client } from '@hubspot/api-client'

const url = process.argv[2] ?? process.env.HUBSPOT_BASE_URL
const limitedURL = process.argv[3] ?? process.env.HUBSPOT_LIMITED_URL
const datedURL = process.argv[4] ?? process.env.HUBSPOT_DATED_URL
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

await check('properties: life of one, in a group of its own', async () => {
  const { coreApi, groupsApi } = hubspot.crm.properties
  const group = `grupo_${run}`, name = `cor_${run}`
  assert.equal((await groupsApi.create('tickets', { name: group, label: 'Grupo', displayOrder: 9 })).name, group)
  assert.ok((await groupsApi.getAll('tickets')).results.some((g) => g.name === group))
  assert.equal((await groupsApi.update('tickets', group, { label: 'Outro' })).label, 'Outro')
  const made = await coreApi.create('tickets', {
    name, label: 'Cor', type: 'enumeration', fieldType: 'select', groupName: group, formField: false,
    options: [{ label: 'Vermelho', value: 'r', displayOrder: 0, hidden: false }],
  })
  assert.equal(made.options[0].value, 'r')
  assert.ok(made.createdAt instanceof Date)
  assert.equal((await refused(409, () => coreApi.create('tickets', made))).body.subCategory, 'Properties.PROPERTY_WITH_NAME_EXISTS')
  const changed = await coreApi.update('tickets', name, { label: 'Cor nova', options: [{ label: 'Azul', value: 'b', displayOrder: 0, hidden: false }] })
  assert.deepEqual(changed.options.map((o) => o.value), ['b'])
  await refused(400, () => groupsApi.archive('tickets', group))
  await coreApi.archive('tickets', name)
  await refused(404, () => coreApi.getByName('tickets', name))
  assert.ok((await coreApi.getByName('tickets', name, true)).archived)
  await groupsApi.archive('tickets', group)
  await refused(404, () => groupsApi.getByName('tickets', group))
})

await check('properties: batches', async () => {
  const { batchApi } = hubspot.crm.properties
  const input = (name, fieldType) => ({ name, label: name, type: 'string', fieldType, groupName: 'ticketinformation' })
  const made = await batchApi.create('tickets', { inputs: [input(`um_${run}`, 'text'), input(`dois_${run}`, 'select')] })
  assert.deepEqual(made.results.map((p) => p.name), [`um_${run}`])
  assert.equal(made.numErrors, 1)
  const read = await batchApi.read('tickets', { archived: false, inputs: [{ name: `um_${run}` }, { name: 'nao_existe' }] })
  assert.equal(read.results.length, 1)
  assert.equal(read.errors[0].category, 'OBJECT_NOT_FOUND')
  await batchApi.archive('tickets', { inputs: [{ name: `um_${run}` }] })
  const err = await refused(400, () => tickets.basicApi.create({ properties: ticket(1, { [`um_${run}`]: 'x' }), associations: [] }))
  assert.equal(err.body.errors[0].code, 'PROPERTY_DOESNT_EXIST')
})

await check('pipelines: one of them, its stages, its life', async () => {
  const { pipelinesApi, pipelineStagesApi } = hubspot.crm.pipelines
  const one = await pipelinesApi.getById('tickets', pipelines[1].id)
  assert.equal(one.label, pipelines[1].label)
  const stages = (await pipelineStagesApi.getAll('tickets', one.id)).results
  assert.deepEqual(stages.map((s) => s.id), one.stages.map((s) => s.id))
  assert.equal((await pipelineStagesApi.getById('tickets', one.id, stages[0].id)).label, stages[0].label)
  await refused(404, () => pipelinesApi.getById('tickets', 'no-such'))

  const made = await pipelinesApi.create('tickets', { label: `Funil ${run}`, displayOrder: 7, stages: [
    { label: 'Aberto', displayOrder: 0, metadata: { ticketState: 'OPEN' } },
    { label: 'Fechado', displayOrder: 1, metadata: { ticketState: 'CLOSED' } },
  ] })
  await refused(409, () => pipelinesApi.create('tickets', { label: `Funil ${run}`, displayOrder: 7, stages: [] }))
  const stage = await pipelineStagesApi.create('tickets', made.id, { label: 'Meio', displayOrder: 2, metadata: { ticketState: 'OPEN' } })
  await pipelineStagesApi.update('tickets', made.id, stage.id, { label: 'No meio', metadata: {} })
  const held = await tickets.basicApi.create({ properties: ticket('funil', { hs_pipeline: made.id, hs_pipeline_stage: stage.id }), associations: [] })
  const err = await refused(400, () => pipelinesApi.archive('tickets', made.id, true, undefined))
  assert.equal(err.body.subCategory, 'PipelineError.STAGE_ID_IN_USE')
  assert.deepEqual(err.body.context.objectIds, [held.id])
  await tickets.basicApi.archive(held.id)
  await pipelinesApi.archive('tickets', made.id, true, undefined)
  await refused(404, () => pipelinesApi.getById('tickets', made.id))
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

await check('associations: labels are made, renamed, deleted', async () => {
  const { definitionsApi } = links.schema
  const made = await definitionsApi.create('tickets', 'contacts', { name: `dono_${run}`, label: `Dono ${run}`, inverseLabel: `É dono de ${run}` })
  assert.equal(made.results.length, 2)
  const [forward, backward] = made.results
  assert.ok((await definitionsApi.getAll('contacts', 'tickets')).results.some((l) => l.typeId === backward.typeId && l.label === `É dono de ${run}`))
  await definitionsApi.update('tickets', 'contacts', { associationTypeId: forward.typeId, label: `Titular ${run}` })
  assert.ok((await definitionsApi.getAll('tickets', 'contacts')).results.some((l) => l.label === `Titular ${run}`))
  await definitionsApi.remove('tickets', 'contacts', forward.typeId)
  assert.ok((await definitionsApi.getAll('tickets', 'contacts')).results.every((l) => l.typeId !== forward.typeId))
})

await check('associations: a batch of which one input is wrong is a 207', async () => {
  const id = hundred.get(`${run}-30`).id
  const input = (to) => ({ _from: { id }, to: { id: to }, types: [hubspotType(16)] })
  const res = await links.batchApi.create('tickets', 'contacts', { inputs: [input(person.id), input('999')] })
  assert.equal(res.results.length, 1)
  assert.equal(res.numErrors, 1)
  assert.deepEqual(res.errors[0].context.toObjectId, ['999'])
})

await check('associations: labels of a pair are replaced, not added', async () => {
  const id = hundred.get(`${run}-31`).id
  const own = (typeId) => ({ associationCategory: 'USER_DEFINED', associationTypeId: typeId })
  const labels = (await links.schema.definitionsApi.getAll('tickets', 'contacts')).results.filter((l) => l.category === 'USER_DEFINED')
  assert.ok(labels.length >= 2)
  for (const label of labels.slice(0, 2)) await links.basicApi.create('tickets', id, 'contacts', person.id, [own(label.typeId)])
  const page = await links.basicApi.getPage('tickets', id, 'contacts')
  assert.deepEqual(page.results[0].associationTypes.map((t) => t.typeId).sort((a, b) => a - b), [labels[1].typeId, 16].sort((a, b) => a - b))
  await links.basicApi.createDefault('tickets', id, 'companies', company.id)
  await links.basicApi.archive('tickets', id, 'contacts', person.id)
  assert.equal((await links.basicApi.getPage('tickets', id, 'contacts')).results.length, 0)
})

await check('associations of v3: by the names of types', async () => {
  const { batchApi } = hubspot.crm.associations
  const id = hundred.get(`${run}-32`).id
  const made = await batchApi.create('tickets', 'contacts', { inputs: [{ _from: { id }, to: { id: otherPerson.id }, type: 'ticket_to_contact' }] })
  assert.equal(made.results[0].type, 'ticket_to_contact')
  const read = await batchApi.read('tickets', 'contacts', { inputs: [{ id }] })
  assert.deepEqual(read.results[0].to.map((t) => t.id), [otherPerson.id])
  await refused(400, () => batchApi.create('tickets', 'contacts', { inputs: [{ _from: { id }, to: { id: otherPerson.id }, type: 'contact_to_ticket' }] }))
  await batchApi.archive('tickets', 'contacts', { inputs: [{ _from: { id }, to: { id: otherPerson.id }, type: 'ticket_to_contact' }] })
  assert.equal((await links.basicApi.getPage('tickets', id, 'contacts')).results.length, 0)
})

await check('batch read: a hundred by id, in one call, with history refused beyond 50', async () => {
  const inputs = [...hundred.values()].map((r) => ({ id: r.id }))
  const res = await tickets.batchApi.read({ inputs, properties: ['subject'], propertiesWithHistory: [] })
  assert.equal(res.results.length, 100)
  assert.equal(res.errors, undefined)
  const err = await refused(400, () => tickets.batchApi.read({ inputs, properties: [], propertiesWithHistory: ['subject'] }))
  assert.match(err.body.message, /50/)
  const some = await tickets.batchApi.read({ inputs: inputs.slice(0, 50), properties: [], propertiesWithHistory: ['subject'] })
  assert.equal(some.results[0].propertiesWithHistory.subject[0].sourceType, 'INTEGRATION')
})

await check('search: full text, groups as alternatives, IN, BETWEEN, links', async () => {
  const search = async (request) => (await tickets.searchApi.doSearch({ filterGroups: [], sorts: [], properties: [], limit: 10, after: '0', ...request })).total
  const key = (n) => ({ filters: [{ propertyName: unique, operator: 'EQ', value: `${run}-${n}` }] })
  assert.equal(await search({ filterGroups: [key(1), key(2)] }), 2)
  assert.equal(await search({ filterGroups: [{ filters: [{ propertyName: unique, operator: 'IN', values: [`${run}-1`, `${run}-2`, `${run}-3`] }] }] }), 3)
  const found = await search({ query: `${run} 42` })
  assert.ok(found >= 1 && found < 100, `${found} found`)
  const ids = [...hundred.values()].map((r) => BigInt(r.id)).sort((a, b) => (a < b ? -1 : 1))
  assert.equal(await search({ filterGroups: [{ filters: [{ propertyName: 'hs_object_id', operator: 'BETWEEN', value: `${ids[10]}`, highValue: `${ids[19]}` }] }] }), 10)
  assert.ok(await search({ filterGroups: [{ filters: [{ propertyName: 'associations.contact', operator: 'EQ', value: person.id }] }] }) >= 1)
})

await check('search: more than 5 groups, 6 filters in one, 18 in all are refused', async () => {
  const filter = { propertyName: 'subject', operator: 'EQ', value: 'x' }
  const groups = (n, m) => Array.from({ length: n }, () => ({ filters: Array(m).fill(filter) }))
  for (const filterGroups of [groups(6, 1), groups(1, 7), groups(4, 5)]) {
    await refused(400, () => tickets.searchApi.doSearch({ filterGroups, sorts: [], properties: [], limit: 10, after: '0' }))
  }
})

await check('merge: both ids lead to what remains', async () => {
  const [a, b] = [40, 41].map((n) => hundred.get(`${run}-${n}`).id)
  const merged = await hubspot.crm.objects.basicApi.merge?.('tickets', { primaryObjectId: a, objectIdToMerge: b }) ??
    await (await hubspot.apiRequest({ method: 'POST', path: '/crm/v3/objects/tickets/merge', body: { primaryObjectId: a, objectIdToMerge: b } })).json()
  for (const id of [a, b]) assert.equal((await tickets.basicApi.getById(id)).id, merged.id)
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

await check('errors: wrong methods, types of content and bodies', async () => {
  const send = (options) => hubspot.apiRequest(options)
  assert.equal((await send({ method: 'PUT', path: '/crm/v3/objects/tickets', body: {} })).status, 405)
  assert.equal((await send({ method: 'POST', path: '/crm/v3/objects/tickets', body: 'x=1', defaultJson: false })).status, 415)
  const res = await send({ method: 'POST', path: '/crm/v3/objects/tickets', body: { properties: [] } })
  assert.equal(res.status, 400)
  assert.match((await res.json()).message, /^Invalid input JSON on line 1, column \d+: Cannot deserialize value of type/)
  assert.equal((await send({ path: `/crm/v3/objects/tickets?properties=${'a'.repeat(8000)}` })).status, 414)
})

await check('oauth: a code becomes a token, which can be looked up', async () => {
  const anonymous = new Client({ basePath: url })
  const token = await anonymous.oauth.tokensApi.create('authorization_code', 'code', 'https://example.org/back', 'client', 'secret')
  assert.equal(token.expiresIn, 1800)
  assert.equal((await anonymous.oauth.tokensApi.create('refresh_token', undefined, undefined, 'client', 'secret', token.refreshToken)).tokenType, 'bearer')
  const info = await connect(url, token.accessToken).oauth.accessTokensApi.get(token.accessToken)
  assert.ok(info.expiresIn > 1700)
  assert.ok((await connect(url, token.accessToken).crm.tickets.basicApi.getPage(1)).results)
  const err = await refused(400, () => anonymous.oauth.tokensApi.create('password', undefined, undefined, 'client', 'secret'))
  assert.equal(err.body.status, 'BAD_GRANT_TYPE')
})

await check('limits: usage of records, properties, labels, links', async () => {
  const get = async (path) => (await hubspot.apiRequest({ path })).json()
  for (const path of ['records', 'custom-properties', 'calculated-properties', 'pipelines', 'associations/labels']) {
    const { results } = await get(`/crm/v3/limits/${path}`)
    assert.ok(results.every((r) => r.limit > 0 && Math.abs(r.percentage - (100 * r.usage) / r.limit) < 1e-6), path)
  }
  assert.equal((await get('/crm/limits/2026-03/associations/records/0-5/0-1')).limit, 10000)
  const usage = (await get('/account-info/v3/api-usage/daily/private-apps')).results[0]
  assert.ok(usage.currentUsage > 0)
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
    assert.equal(err.headers['x-hubspot-ratelimit-remaining'], '0')
  })

  await check("limits: the client's own retry waits and comes through", async () => {
    const patient = new Client({ accessToken: 'pat-conformance', basePath: limitedURL, numberOfApiCallRetries: 4, limiterOptions: unhurried })
    const began = Date.now()
    const pages = await Promise.all(Array.from({ length: 3 }, () => patient.crm.tickets.basicApi.getPage(1)))
    assert.equal(pages.length, 3)
    assert.ok(Date.now() - began > 5000, 'the window was full')
  })

  await check("limits: searches have five a second of their own, and the client's retry", async () => {
    const search = (client) => client.crm.contacts.searchApi.doSearch({ filterGroups: [], sorts: [], properties: [], limit: 1, after: '0' })
    const limited = connect(limitedURL)
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => search(limited)))
    const refusals = results.filter((r) => r.status === 'rejected').map((r) => r.reason)
    assert.ok(refusals.length >= 1)
    for (const err of refusals) {
      assert.equal(err.body.policyName, 'SECONDLY')
      assert.equal(err.headers['x-hubspot-ratelimit-max'], undefined)
    }
    const patient = new Client({ accessToken: 'pat-conformance', basePath: limitedURL, numberOfApiCallRetries: 6, limiterOptions: unhurried })
    await Promise.all(Array.from({ length: 8 }, () => search(patient)))
  })
}

if (datedURL) {
  const dated = connect(datedURL).crm.tickets
  await check('2026-09: required and conditional properties', async () => {
    let err = await refused(400, () => dated.basicApi.create({ properties: { hs_pipeline_stage: '1' }, associations: [] }))
    assert.deepEqual(err.body.errors.map((e) => [e.code, e.context.propertyName[0]]),
      [['MISSING_REQUIRED_PROPERTY', 'subject'], ['MISSING_REQUIRED_PROPERTY', 'hs_pipeline']])
    err = await refused(400, () => dated.basicApi.create({ properties: ticket(1, { hs_resolution: 'REFUND_APPLIED' }), associations: [] }))
    assert.equal(err.body.errors[0].code, 'MISSING_CONDITIONAL_REQUIRED_PROPERTY')
    assert.deepEqual(err.body.errors[0].context.propertyName, ['valor_cobrado'])
    await dated.basicApi.create({ properties: ticket(1, { hs_resolution: 'REFUND_APPLIED', valor_cobrado: '10.5' }), associations: [] })
  })

  await check('2026-09: dates are corrected, with a warning', async () => {
    const res = await connect(datedURL).apiRequest({ method: 'POST', path: '/crm/objects/2026-09/tickets', body: { properties: ticket(1, { data_vencimento: '2024-02-29T10:30:00Z' }) } })
    const made = await res.json()
    assert.equal(made.properties.data_vencimento, '2024-02-29')
    assert.equal(made.warnings[0].category, 'PROPERTY_VALUE_NORMALIZED')
  })
}

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
