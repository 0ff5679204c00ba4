//go:build !race

package hubspot_test

const raced = false
