// Package cookieheader reads Cookie headers without making a struct of every cookie.
package cookieheader

import "strings"

// A Scanner finds the cookies of one name in a request's Cookie headers (RFC 6265 §5.4). Unlike
// net/http's parser it makes no struct of every cookie.
type Scanner struct {
	Name  string
	Lines []string // the header's lines that are still to be read
	rest  string   // of the line that is being read
}

// Next returns the value of the next cookie, or false after the last.
func (c *Scanner) Next() (value string, ok bool) {
	for {
		for c.rest == "" {
			if len(c.Lines) == 0 {
				return "", false
			}
			c.rest, c.Lines = c.Lines[0], c.Lines[1:]
		}
		var part string
		part, c.rest, _ = strings.Cut(c.rest, ";")
		if value, ok := strings.CutPrefix(strings.Trim(part, " \t"), c.Name); ok && strings.HasPrefix(value, "=") {
			return unquote(value[1:]), true
		}
	}
}

// Mask replaces the values of the cookies called name in a Cookie header, in one pass: a
// visitor may send thousands.
func Mask(line, name string) string {
	parts := strings.Split(line, ";")
	for i, part := range parts {
		if own, _, ok := strings.Cut(part, "="); ok && strings.Trim(own, " \t") == name {
			parts[i] = own + "=*"
		}
	}
	return strings.Join(parts, ";")
}

func unquote(value string) string {
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
