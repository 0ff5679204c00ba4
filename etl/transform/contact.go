package transform

import (
	"strings"
	"unicode"
)

const (
	emailHint  = "write only the address, such as ana@example.com"
	domainHint = "write only the domain, such as example.com, without https:// and path"
)

// emailFlaw checks an address as mail systems take it: one @, a local part of
// the letters of RFC 5322 without quoting, and a domain. net/mail accepts names
// and comments around an address, which HubSpot does not.
func emailFlaw(s string) *flaw {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || !isLocalPart(local) || !isDomain(domain) || len(s) > 254 {
		return flawOf(CodeInvalidEmail, emailHint, "%s is not an e-mail address", quote(s))
	}
	return nil
}

// bareAddress takes the name off an address as mail programs write it: "Ana Silva
// <ana@example.com>". A text with more than one address stays as it is.
func bareAddress(s string) string {
	name, rest, ok := strings.Cut(s, "<")
	address, tail, closed := strings.Cut(rest, ">")
	if !ok || !closed || tail != "" || strings.ContainsAny(name, "@>") || strings.Contains(address, "<") {
		return s
	}
	return strings.TrimSpace(address)
}

func isLocalPart(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r) {
			return false
		}
	}
	return true
}

func domainFlaw(s string) *flaw {
	if isDomain(s) {
		return nil
	}
	return flawOf(CodeInvalidDomain, domainHint, "%s is not a domain", quote(s))
}

// isDomain says whether s is a host name of at least two labels, the last one
// not a number. Letters of any alphabet count.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 || len(s) > 253 {
		return false
	}
	for _, label := range labels {
		if !isLabel(label) {
			return false
		}
	}
	return !allDigits(labels[len(labels)-1])
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, r := range s {
		if r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return false
		}
	}
	return true
}
