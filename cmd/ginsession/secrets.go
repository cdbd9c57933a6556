package main

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// secrets are the passwords that this run of the command was given. No error text shows them:
// drivers and servers quote what they were sent, each in its own way.
type secrets []string

// passwordParameter finds the parameters of DSNs and URLs that hold a password.
var passwordParameter = regexp.MustCompile(`(?i)(?:^|[?&;\s])\w*(?:pass|passwd|password|pwd)=([^&]*)`)

// learn adds the passwords in a DSN, a cache's URL or an argument that may be one. The text need
// not be well-formed: what cannot be parsed is what errors quote.
func (s *secrets) learn(text string) {
	for _, match := range passwordParameter.FindAllStringSubmatch(text, -1) {
		s.add(match[1])
	}
	end := strings.LastIndex(text, "@")
	if end < 0 || strings.HasPrefix(text, "sqlite:") { // a file's name may have an @
		return
	}
	user := text[:end]
	if _, rest, found := strings.Cut(user, "://"); found {
		user = rest
	}
	for {
		_, password, found := strings.Cut(user, ":")
		if !found {
			return
		}
		s.add(password)
		user = password
	}
}

// add adds a password as it was given, decoded, and as %q quotes it.
func (s *secrets) add(password string) {
	forms := []string{password}
	for _, decode := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		if decoded, err := decode(password); err == nil {
			forms = append(forms, decoded)
		}
	}
	for _, form := range forms {
		quoted := strconv.Quote(form)
		for _, f := range []string{form, quoted[1 : len(quoted)-1]} {
			if f != "" && !slices.Contains(*s, f) {
				*s = append(*s, f)
			}
		}
	}
}

// hide returns text with *** in place of the passwords. It finds all of them before it replaces
// any, because they may overlap.
func (s secrets) hide(text string) string {
	hidden := make([]bool, len(text))
	for _, secret := range s {
		for start := range len(text) {
			if occurs(text, secret, start) {
				for i := range len(secret) {
					hidden[start+i] = true
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString("***")
		}
	}
	return b.String()
}

// occurs reports whether text has the secret at start. One of up to 3 bytes is part of too many
// words for the text to stay readable: it only counts if no letter or digit stands beside it.
func occurs(text, secret string, start int) bool {
	rest, found := strings.CutPrefix(text[start:], secret)
	return found && (len(secret) > 3 || !wordEnds(text[:start]) && !wordBegins(rest))
}

func wordEnds(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func wordBegins(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// plainName is what a mistyped command or engine looks like. Passwords, DSNs and the 32
// characters of a session key do not.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,20}$`)

// quote quotes a word of the command line in an error, unless it may hold a secret.
func quote(word string) string {
	if plainName.MatchString(word) {
		return strconv.Quote(word)
	}
	return "(not shown: it may hold a secret)"
}

// plainFlagError matches the errors of package flag that quote only plain names.
var plainFlagError = regexp.MustCompile(`^(flag provided but not defined: -[A-Za-z0-9_-]{1,20}|flag needs an argument: -\S{1,20}|invalid (boolean )?value "[A-Za-z0-9_.-]{0,20}" for .*)$`)

// flagError returns the text of an error of package flag, unless it may hold a secret.
func flagError(err error) string {
	if text := err.Error(); plainFlagError.MatchString(text) {
		return text
	}
	return "a flag is unknown, or its value cannot be read"
}

// wronglyEncoded reports whether a "/", "?" or "#" in the password seems to have ended the URL's
// host: an "@" follows it. url.Parse then takes the first part of the password for the port,
// and errors would show it. A "#" has no meaning in these URLs.
func wronglyEncoded(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	end := strings.IndexAny(rest, "/?#")
	return strings.Contains(text, "#") || end >= 0 && strings.Contains(rest[end:], "@")
}

const percentEncode = "Percent-encode special characters: %40 for @, %2F for /, %3F for ?, %23 for #, %25 for %."
