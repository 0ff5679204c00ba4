// Package trust holds the tests of what the program promises about a file and
// an account together: what validation accepts the account stores as it was
// said, what it rejects the account would refuse or would have changed, and one
// wrong cell is one error that names it.
package trust
