package pyjson

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Unmarshal decodes raw into what dst points to: the common types without encoding/json, an
// any by the rules of Decode.
func Unmarshal(raw string, dst any) (err error) {
	switch dst := dst.(type) {
	case *any:
		*dst, err = Decode(raw)
		return err
	case *map[string]any:
		return assign(raw, dst)
	case *[]any:
		return assign(raw, dst)
	case *bool:
		return assign(raw, dst)
	case *int64:
		return assign(raw, dst)
	case *string:
		return assign(raw, dst)
	case *int:
		n, err := strconv.Atoi(raw)
		if err == nil {
			*dst = n
			return nil
		}
	case *float64:
		f, err := strconv.ParseFloat(raw, 64)
		if err == nil && raw[len(raw)-1] <= '9' { // not NaN or Infinity
			*dst = f
			return nil
		}
	}
	if strings.Contains(raw, `\u`) || strings.ContainsAny(raw, "NI") {
		if _, err := Decode(raw); err != nil { // encoding/json would let a lone surrogate pass
			return err
		}
	}
	return json.Unmarshal([]byte(raw), dst)
}

// assign decodes raw by the rules of Decode if that gives a T, and null as the zero value.
func assign[T any](raw string, dst *T) error {
	v, err := Decode(raw)
	if err != nil {
		return err
	}
	t, ok := v.(T)
	if !ok && v != nil {
		return fmt.Errorf("the stored value is a %T, not a %T", v, *dst)
	}
	*dst = t
	return nil
}

// Unescape returns what the text between a string's quotes means. A lone surrogate becomes the
// bytes that UTF-8 would have for it, so that the names of two keys stay apart, and exact is false.
func Unescape(body string) (s string, exact bool) {
	i := strings.IndexByte(body, '\\')
	if i < 0 {
		return body, true
	}
	exact = true
	out := make([]byte, 0, len(body))
	for ; i >= 0; i = strings.IndexByte(body, '\\') {
		out = append(out, body[:i]...)
		body = body[i:]
		if body[1] != 'u' {
			out = append(out, unescaped(body[1]))
			body = body[2:]
			continue
		}
		r, _ := unicodeEscape(body)
		body = body[6:]
		if utf16.IsSurrogate(r) {
			low, _ := unicodeEscape(body)
			pair := utf16.DecodeRune(r, low)
			if pair == utf8.RuneError {
				out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f))
				exact = false
				continue
			}
			r = pair
			body = body[6:]
		}
		out = utf8.AppendRune(out, r)
	}
	return string(append(out, body...)), exact
}

// unescaped returns the byte that a backslash and c stand for.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return c
	}
}

// Decode decodes one value into nil, bool, string, int64 (a whole number that fits),
// float64 (a number with a point or an exponent), json.Number (any other), []any or
// map[string]any.
func Decode(raw string) (any, error) {
	p := scanner{text: raw}
	v, err := p.decode()
	if err == nil && p.pos != len(raw) {
		err = ErrSyntax
	}
	return v, err
}

func (p *scanner) decode() (any, error) {
	switch p.peek() {
	case '{':
		return p.decodeObject()
	case '[':
		a := []any{}
		more, err := p.open('[', ']')
		for more {
			v, err := p.decode()
			if err != nil {
				return nil, err
			}
			a = append(a, v)
			if more, err = p.next(']'); err != nil {
				return nil, err
			}
		}
		return a, err
	case '"':
		quoted, err := p.str()
		if err != nil {
			return nil, err
		}
		s, exact := Unescape(quoted[1 : len(quoted)-1])
		if !exact {
			return nil, ErrUnreadable
		}
		return s, nil
	}
	text, err := p.scalar()
	if err != nil {
		return nil, err
	}
	return decodeScalar(text)
}

func (p *scanner) decodeObject() (any, error) {
	m := map[string]any{}
	more, err := p.open('{', '}')
	for more {
		quoted, err := p.key()
		if err != nil {
			return nil, err
		}
		key, exact := Unescape(quoted[1 : len(quoted)-1])
		if !exact {
			return nil, ErrUnreadable
		}
		if m[key], err = p.decode(); err != nil {
			return nil, err
		}
		if more, err = p.next('}'); err != nil {
			return nil, err
		}
	}
	return m, err
}

func decodeScalar(text string) (any, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	case "NaN", "Infinity", "-Infinity":
		return nil, ErrUnreadable
	}
	if strings.ContainsAny(text, ".eE") {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f, nil
		}
	} else if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	return json.Number(text), nil
}
