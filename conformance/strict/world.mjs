// The account of the strict stand-in: definitions, owners, contacts, companies.
// Nothing in it has the name, the id or the order of what `ticketetl sandbox` has,
// so that a habit of that account is not taken for one of HubSpot.

export const account = {
  portalId: 7712345,
  accountType: 'STANDARD',
  timeZone: 'Europe/Berlin',
  companyCurrency: 'EUR',
  additionalCurrencies: [],
  utcOffset: '+01:00',
  utcOffsetMilliseconds: 3600000,
  uiDomain: 'app-eu1.hubspot.com',
  dataHostingLocation: 'eu1',
}

export const typeIds = { tickets: '0-5', contacts: '0-1', companies: '0-2' }

const epoch = '1970-01-01T00:00:00Z'
const options = (pairs) =>
  pairs.map(([value, label], i) => ({ label, value, description: '', displayOrder: i, hidden: false }))

// property fills in what HubSpot always states about a property.
const property = (name, label, type, fieldType, more = {}) => ({
  name,
  label,
  type,
  fieldType,
  description: '',
  groupName: 'ticketinformation',
  displayOrder: -1,
  options: [],
  externalOptions: false,
  hasUniqueValue: false,
  hidden: false,
  calculated: false,
  hubspotDefined: false,
  formField: true,
  archived: false,
  createdAt: epoch,
  updatedAt: epoch,
  ...more,
  modificationMetadata: { archivable: true, readOnlyDefinition: false, readOnlyValue: false, ...more.modificationMetadata },
})
const standard = (name, label, type, fieldType, more = {}) =>
  property(name, label, type, fieldType, { hubspotDefined: true, ...more })
const readOnly = { modificationMetadata: { archivable: false, readOnlyDefinition: true, readOnlyValue: true } }

export const properties = {
  tickets: [
    standard('subject', 'Ticketname', 'string', 'text'),
    standard('content', 'Beschreibung', 'string', 'textarea'),
    standard('hs_pipeline', 'Pipeline', 'enumeration', 'select', { externalOptions: true }),
    standard('hs_pipeline_stage', 'Ticketstatus', 'enumeration', 'select', { externalOptions: true }),
    standard('hs_ticket_priority', 'Priorität', 'enumeration', 'select', {
      options: options([['LOW', 'Niedrig'], ['MEDIUM', 'Mittel'], ['HIGH', 'Hoch'], ['URGENT', 'Dringend']]),
    }),
    standard('hs_ticket_category', 'Kategorie', 'enumeration', 'checkbox', {
      options: options([['PRODUCT_ISSUE', 'Produktproblem'], ['BILLING_ISSUE', 'Rechnung'], ['GENERAL_INQUIRY', 'Anfrage']]),
    }),
    standard('hubspot_owner_id', 'Ticketinhaber', 'enumeration', 'select', { externalOptions: true, referencedObjectType: 'OWNER' }),
    standard('createdate', 'Erstellungsdatum', 'datetime', 'date'),
    standard('closed_date', 'Abschlussdatum', 'datetime', 'date'),
    standard('hs_object_id', 'Datensatz-ID', 'number', 'number', readOnly),
    standard('hs_createdate', 'Objekt erstellt', 'datetime', 'date', readOnly),
    standard('hs_lastmodifieddate', 'Zuletzt geändert', 'datetime', 'date', readOnly),
    standard('time_to_close', 'Zeit bis Abschluss', 'number', 'number', { ...readOnly, calculated: true }),
    property('legacy_ref', 'Altes Aktenzeichen', 'string', 'text', { hasUniqueValue: true }),
    property('area', 'Gebiet', 'enumeration', 'select', {
      options: options([['opt_9f1', 'Nord'], ['opt_77c', 'Süd'], ['opt_0aa', 'Ost & West'], ['Nord2', 'Übersee']]),
    }),
    property('tints', 'Farben', 'enumeration', 'checkbox', {
      options: options([['c1', 'Rot'], ['c2', 'Grün'], ['c3', 'Blau'], ['c4', 'Weiß']]),
    }),
    property('vip', 'Vorzugskunde', 'bool', 'booleancheckbox', { options: options([['true', 'Ja'], ['false', 'Nein']]) }),
    property('due_on', 'Fällig am', 'date', 'date'),
    property('promised_at', 'Zugesagt für', 'datetime', 'date'),
    property('amount', 'Betrag', 'number', 'number'),
    property('serial', 'Seriennummer', 'number', 'number'),
    property('zip', 'Postleitzahl', 'string', 'text'),
    property('remark', 'Bemerkung', 'string', 'textarea'),
    property('hotline', 'Rückruf', 'phone_number', 'phonenumber'),
    property('old_score', 'Alte Wertung', 'number', 'calculation_equation', { calculated: true, ...readOnly }),
    property('import_note', 'Importvermerk', 'string', 'text', readOnly),
  ],
  contacts: [
    standard('email', 'E-Mail', 'string', 'text', { hasUniqueValue: true }),
    standard('hs_additional_emails', 'Weitere E-Mails', 'enumeration', 'checkbox', readOnly),
    standard('firstname', 'Vorname', 'string', 'text'),
    standard('lastname', 'Nachname', 'string', 'text'),
    standard('hs_object_id', 'Datensatz-ID', 'number', 'number', readOnly),
    standard('createdate', 'Erstellungsdatum', 'datetime', 'date'),
    standard('lastmodifieddate', 'Zuletzt geändert', 'datetime', 'date', readOnly),
  ],
  companies: [
    standard('name', 'Name', 'string', 'text'),
    standard('domain', 'Domain', 'string', 'text'),
    property('debtor', 'Debitor', 'string', 'text', { hasUniqueValue: true }),
    standard('hs_object_id', 'Datensatz-ID', 'number', 'number', readOnly),
    standard('createdate', 'Erstellungsdatum', 'datetime', 'date'),
    standard('hs_lastmodifieddate', 'Zuletzt geändert', 'datetime', 'date', readOnly),
  ],
}

const stage = (id, label, closed, i) => ({
  id,
  label,
  displayOrder: i,
  archived: false,
  createdAt: epoch,
  updatedAt: epoch,
  writePermissions: 'CRM_PERMISSIONS_ENFORCEMENT',
  metadata: { ticketState: closed ? 'CLOSED' : 'OPEN', isClosed: String(closed) },
})
const pipeline = (id, label, stages, i) => ({
  id,
  label,
  displayOrder: i,
  archived: false,
  createdAt: epoch,
  updatedAt: epoch,
  stages: stages.map(([sid, slabel, closed], j) => stage(sid, slabel, Boolean(closed), j)),
})

// Two pipelines share the stage label "Neu", and one stage has an id that is the
// label of another.
export const pipelines = [
  pipeline('kd-werk', 'Werkstatt', [['w_neu', 'Neu'], ['w-arbeit', 'In Arbeit'], ['Fertig', 'Abgeholt', true]], 0),
  pipeline('90071992547409', 'Beschwerden', [['b.neu', 'Neu'], ['b.prüf', 'In Prüfung'], ['b.zu', 'Erledigt', true]], 1),
]

const owner = (n, first, last, more = {}) => ({
  id: String(41000000000 + n * 7),
  email: `${first}.${last}@werk.example`.toLowerCase(),
  type: 'PERSON',
  firstName: first,
  lastName: last,
  userId: 500 + n,
  userIdIncludingInactive: 500 + n,
  teams: [],
  createdAt: epoch,
  updatedAt: epoch,
  archived: false,
  ...more,
})
// Two owners have the same name; one is archived, which a ticket may name all the same.
export const owners = [
  owner(1, 'Anja', 'Brandt'),
  owner(2, 'Jörg', 'Weiß', { email: 'j.weiss@werk.example' }),
  owner(3, 'Mia', 'Kurz'),
  owner(4, 'Mia', 'Kurz', { email: 'mia.kurz2@werk.example' }),
  owner(5, 'Olaf', 'Gast', { archived: true, userId: null }),
]

const id17 = (base, n) => String(BigInt(base) + BigInt(n * 3))

export const contacts = Array.from({ length: 160 }, (_, n) => ({
  id: id17('20071992547409931', n),
  properties: {
    email: `kunde${n}@haus${n % 40}.example`,
    hs_additional_emails: n % 9 === 0 ? `alt${n}@post.example;neben${n}@post.example` : null,
    firstname: `Kunde${n}`,
    lastname: 'Muster',
  },
}))

// Companies 0 and 1 share their domain.
export const companies = Array.from({ length: 40 }, (_, n) => ({
  id: id17('30071992547409937', n),
  properties: { name: `Haus ${n}`, domain: n < 2 ? 'doppelt.example' : `haus${n}.example`, debtor: `D${1000 + n}` },
}))

// Association types from tickets, by the type of the other side.
export const ticketLinks = {
  contacts: [
    { category: 'HUBSPOT_DEFINED', typeId: 16, label: null },
    { category: 'USER_DEFINED', typeId: 61, label: 'Melder' },
    { category: 'USER_DEFINED', typeId: 63, label: 'Abholer' },
  ],
  companies: [
    { category: 'HUBSPOT_DEFINED', typeId: 339, label: null },
    { category: 'HUBSPOT_DEFINED', typeId: 26, label: 'Primary' },
    { category: 'USER_DEFINED', typeId: 71, label: 'Zahler' },
  ],
  tickets: [{ category: 'HUBSPOT_DEFINED', typeId: 452, label: null }],
}
