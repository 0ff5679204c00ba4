// Sends wrong requests to the strict stand-in: each must be in its log, with the
// reason. A stand-in that sees nothing would prove nothing.
import assert from 'node:assert/strict'
import { Strict, token } from './server.mjs'
import * as world from './world.mjs'

const strict = new Strict()
const url = await strict.listen()
const auth = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
let traces = 0
const trace = () => `t${++traces}`

async function ask(method, path, body, headers = auth) {
  const res = await fetch(url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })
  const text = await res.text()
  return { status: res.status, body: text ? JSON.parse(text) : undefined }
}
const ticket = (more = {}) => ({ subject: 'S', hs_pipeline: 'kd-werk', hs_pipeline_stage: 'w_neu', ...more })
const input = (properties, more = {}) => ({ properties, associations: [], objectWriteTraceId: trace(), ...more })
const objects = '/crm/v3/objects/tickets'
const create = (...inputs) => ask('POST', `${objects}/batch/create`, { inputs })
const created = async (more) => (await create(input(ticket(more)))).body.results[0].id
const update = (id, properties) => ask('POST', `${objects}/batch/update`, { inputs: [{ id, properties, objectWriteTraceId: trace() }] })
const read = (body) => ask('POST', `${objects}/batch/read`, body)
const search = (body) => ask('POST', `${objects}/search`, body)
const contact = world.contacts[0].id
const link = (associationTypeId, associationCategory = 'HUBSPOT_DEFINED') => ({ associationCategory, associationTypeId })
const associate = (from, types, to = contact) => ask('POST', '/crm/v4/associations/tickets/contacts/batch/create', { inputs: [{ from: { id: from }, to: { id: to }, types }] })

const wrongs = [
  ['unknown path', () => ask('GET', '/crm/v3/objects2/tickets'), /unknown path/],
  ['unknown method', () => ask('PUT', `${objects}/batch/create`, {}), /unknown method/],
  ['unknown query parameter', () => ask('GET', `${objects}?limt=5`), /query parameter limt/],
  ['unknown body field', () => ask('POST', `${objects}/batch/create`, { input: [], inputs: [input(ticket())] }), /body field input/],
  ['page too long', () => ask('GET', `${objects}?limit=101`), /limit 101/],
  ['no token', () => ask('GET', objects, undefined, {}), /no Authorization/],
  ['wrong token', () => ask('GET', objects, undefined, { Authorization: 'Bearer x' }), /token is not/],
  ['token in the address', () => ask('GET', `${objects}?hapikey=x`), /token stands in the address/],
  ['no content type', () => ask('POST', `${objects}/batch/create`, { inputs: [input(ticket())] }, { Authorization: auth.Authorization }), /content type/],
  ['date version', () => ask('GET', '/crm/objects/2026-03/tickets'), /path of a date version/],
  ['101 inputs', () => create(...Array.from({ length: 101 }, () => input(ticket()))), /101 inputs/],
  ['no trace id', () => create({ properties: ticket() }), /without objectWriteTraceId/],
  ['trace id twice', () => create(input(ticket(), { objectWriteTraceId: 'x' }), input(ticket(), { objectWriteTraceId: 'x' })), /objectWriteTraceId stands twice/],
  ['id twice', async () => { const id = await created(); await ask('POST', `${objects}/batch/archive`, { inputs: [{ id }, { id }] }) }, /ids stand twice/],
  ['key twice', () => create(input(ticket({ legacy_ref: 'a' })), input(ticket({ legacy_ref: 'a' }))), /unique value stands twice/],
  ['numeric id', () => read({ inputs: [{ id: 5 }], properties: [] }), /is no text/],
  ['value that is no text', () => create(input(ticket({ amount: 5 }))), /sent as number/],
  ['null', () => create(input(ticket({ zip: null }))), /sent as null/],
  ['label in place of a value', () => create(input(ticket({ area: 'Nord' }))), /not one of the allowed/],
  ['option in the wrong case', () => create(input(ticket({ tints: 'c1;C2' }))), /not one of the allowed/],
  ['option twice', () => create(input(ticket({ tints: 'c1;c1' }))), /option twice/],
  ['local date-time', () => create(input(ticket({ promised_at: '2024-01-31T10:00:00' }))), /not a moment/],
  ['date-time with an offset', () => create(input(ticket({ promised_at: '2024-01-31T10:00:00+01:00' }))), /not a moment/],
  ['date that is not midnight', () => create(input(ticket({ due_on: '2024-01-31T10:00:00Z' }))), /not a date/],
  ['31 February', () => create(input(ticket({ due_on: '2024-02-31' }))), /not a date/],
  ['thousands separator', () => create(input(ticket({ amount: '1,000' }))), /not a valid number/],
  ['leading zero', () => create(input(ticket({ amount: '007' }))), /not a valid number/],
  ['blank around', () => create(input(ticket({ amount: ' 7' }))), /blanks around/],
  ['yes', () => create(input(ticket({ vip: 'yes' }))), /neither true nor false/],
  ['too long', () => create(input(ticket({ remark: 'x'.repeat(65537) }))), /longer than/],
  ['owner by mail', () => create(input(ticket({ hubspot_owner_id: world.owners[0].email }))), /no id of an owner/],
  ['read only', () => create(input(ticket({ import_note: 'x' }))), /read only/],
  ['unknown property', () => create(input(ticket({ nope: 'x' }))), /does not exist/],
  ['empty on create', () => create(input(ticket({ zip: '' }))), /is empty/],
  ['no subject', () => create(input({ hs_pipeline: 'kd-werk', hs_pipeline_stage: 'w_neu' })), /without subject/],
  ['no pipeline', () => create(input({ subject: 'S', hs_pipeline_stage: 'w_neu' })), /without hs_pipeline/],
  ['stage of another pipeline', () => create(input(ticket({ hs_pipeline_stage: 'b.neu' }))), /no stage of/],
  ['stage by label', () => create(input(ticket({ hs_pipeline_stage: 'Neu' }))), /no stage of/],
  ['pipeline without a stage', async () => update(await created(), { hs_pipeline: '90071992547409' }), /without a stage/],
  ['update that changes nothing', async () => update(await created(), { subject: 'S' }), /changes nothing/],
  ['update that sends what is there', async () => update(await created(), { subject: 'S', zip: '1' }), /has already: subject/],
  ['update with the options in another order', async () => update(await created({ tints: 'c1;c2' }), { tints: 'c2;c1' }), /changes nothing/],
  ['upsert without idProperty', () => ask('POST', `${objects}/batch/upsert`, { inputs: [{ id: 'k', properties: ticket({ legacy_ref: 'k' }), objectWriteTraceId: trace() }] }), /without idProperty/],
  ['upsert by a property that is not unique', () => ask('POST', `${objects}/batch/upsert`, { inputs: [{ id: 'k', idProperty: 'zip', properties: ticket({ zip: 'k' }), objectWriteTraceId: trace() }] }), /no unique values/],
  ['key that is only the id', () => ask('POST', `${objects}/batch/upsert`, { inputs: [{ id: 'k', idProperty: 'legacy_ref', properties: ticket(), objectWriteTraceId: trace() }] }), /not among the properties/],
  ['hs_object_id as idProperty', () => read({ inputs: [{ id: '1' }], properties: [], idProperty: 'hs_object_id' }), /no unique values/],
  ['unknown property is read', () => read({ inputs: [{ id: '1' }], properties: ['nope'] }), /asked for, but does not exist/],
  ['property is read without need', () => { strict.modes.reads = ['subject']; return read({ inputs: [{ id: '1' }], properties: ['zip'] }) }, /without need/],
  ['search by key', () => search({ filterGroups: [{ filters: [{ propertyName: 'legacy_ref', operator: 'EQ', value: 'k' }] }] }), /batch read with idProperty/],
  ['search by mail', () => ask('POST', '/crm/v3/objects/contacts/search', { filterGroups: [{ filters: [{ propertyName: 'email', operator: 'IN', values: ['a@b.example'] }] }] }), /batch read with idProperty/],
  ['search beyond 10,000', () => search({ limit: 200, after: '9900' }), /beyond 10,000/],
  ['search page of 201', () => search({ limit: 201 }), /search limit/],
  ['archive of what is not there', () => ask('POST', `${objects}/batch/archive`, { inputs: [{ id: '17' }] }), /not there/],
  ['association the wrong way', () => create(input(ticket(), { associations: [{ to: { id: contact }, types: [link(15)] }] })), /does not go from tickets/],
  ['association of the wrong category', () => create(input(ticket(), { associations: [{ to: { id: contact }, types: [link(61)] }] })), /does not go from tickets/],
  ['association with nobody', () => create(input(ticket(), { associations: [{ to: { id: '5' }, types: [link(16)] }] })), /does not exist/],
  ['association twice in a create', () => create(input(ticket(), { associations: [1, 2].map(() => ({ to: { id: contact }, types: [link(16)] })) })), /stands twice in one input/],
  ['association that is there', async () => { const id = await created(); await associate(id, [link(16)]); await associate(id, [link(16)]) }, /there already/],
  ['labels are lost', async () => { const id = await created(); await associate(id, [link(61, 'USER_DEFINED')]); await associate(id, [link(63, 'USER_DEFINED')]) }, /loses/],
  ['dissociation of what is not there', async () => ask('POST', '/crm/v4/associations/tickets/contacts/batch/archive', { inputs: [{ from: { id: await created() }, to: [{ id: contact }] }] }), /not there/],
  ['same body after 400', async () => { const bad = { inputs: [{ properties: ticket({ legacy_ref: 'x' }) }] }; strict.modes.wholeBatch = true; await created({ legacy_ref: 'x' }); await ask('POST', `${objects}/batch/create`, bad); await ask('POST', `${objects}/batch/create`, bad) }, /same body was refused/],
  ['created twice', async () => { strict.modes.track = 'subject'; await created(); await created() }, /was created before/],
  ['definitions twice', async () => { await ask('GET', '/crm/v3/pipelines/tickets'); await ask('GET', '/crm/v3/pipelines/tickets') }, /read again/],
  ['day is over', async () => { strict.modes.daily = 1; for (let i = 0; i < 9; i++) await ask('GET', objects) }, /daily limit/],
]

for (const [name, send, reason] of wrongs) {
  strict.reset({})
  await send()
  assert.ok(strict.wrongs.some((w) => reason.test(w.why)), `${name}: not noticed; ${JSON.stringify(strict.wrongs.map((w) => w.why))}`)
}

// What is right goes through, and a limit counts what it refuses.
strict.reset({ limit: 12 })
const id = await created({ due_on: '2024-02-29', amount: '-1.50', promised_at: '2024-01-31T10:00:00.5Z'.replace('.5', '.500') })
await update(id, { zip: '01067', tints: 'c1;c2' })
await associate(id, [link(61, 'USER_DEFINED')])
await search({ filterGroups: [{ filters: [{ propertyName: 'hs_object_id', operator: 'GT', value: '0' }] }], sorts: ['hs_object_id'], limit: 200 })
assert.deepEqual(strict.wrongs, [])
const many = await Promise.all(Array.from({ length: 15 }, () => ask('GET', `${objects}?limit=1`)))
assert.equal(many.filter((a) => a.status === 429).length, 5)
assert.equal(strict.counts.limited, 5)
const fast = await Promise.all(Array.from({ length: 8 }, () => search({ limit: 1 })))
assert.ok(fast.filter((a) => a.status === 429).length >= 3)

strict.close()
console.log(`strict stand-in: ${wrongs.length} kinds of wrong requests are noticed`)
