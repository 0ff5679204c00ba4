package extract

// HasForm is for tests.
var HasForm = hasForm
