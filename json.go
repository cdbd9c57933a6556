package ginsession

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads and writes JSON the way Python's json module does, where encoding/json would
// lose something: values that are not touched keep their bytes, NaN and lone surrogates pass
// through, whole numbers stay exact, and what is written is ASCII.

// maxDepth bounds nested arrays and objects, about where Python's parser stops too.
const maxDepth = 1000

var (
	errSyntax     = errors.New("malformed JSON")
	errTooDeep    = errors.New("JSON nested too deep")
	errUnreadable = errors.New("the stored value has no counterpart in Go (NaN, Infinity or a lone surrogate)")
)

// scanner walks over a JSON text.
type scanner struct {
	text  string
	pos   int
	depth int
}

func (p *scanner) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end.
func (p *scanner) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// take consumes b, or reports that something else stands there.
func (p *scanner) take(b byte) error {
	if p.peek() != b {
		return errSyntax
	}
	p.pos++
	return nil
}

// value consumes one value and returns its text.
func (p *scanner) value() (string, error) {
	start := p.pos
	if err := p.skip(); err != nil {
		return "", err
	}
	return p.text[start:p.pos], nil
}

// nestsTooDeep reports whether a value could not be read again as a member of a record.
func nestsTooDeep(raw string) bool {
	if strings.Count(raw, "[")+strings.Count(raw, "{") < maxDepth {
		return false
	}
	p := scanner{text: raw, depth: 1}
	return errors.Is(p.skip(), errTooDeep)
}

func (p *scanner) skip() error {
	switch p.peek() {
	case '{':
		more, err := p.open('{', '}')
		for more {
			if _, err = p.key(); err != nil {
				return err
			}
			if err = p.skip(); err != nil {
				return err
			}
			more, err = p.next('}')
		}
		return err
	case '[':
		more, err := p.open('[', ']')
		for more {
			if err = p.skip(); err != nil {
				return err
			}
			more, err = p.next(']')
		}
		return err
	case '"':
		_, err := p.str()
		return err
	default:
		_, err := p.scalar()
		return err
	}
}

// open consumes the beginning of an object or array, and reports whether an item follows.
func (p *scanner) open(begin, end byte) (more bool, err error) {
	if err := p.take(begin); err != nil {
		return false, err
	}
	if p.depth++; p.depth > maxDepth {
		return false, errTooDeep
	}
	p.space()
	return !p.closes(end), nil
}

// next consumes what stands between two items, or the end, and reports whether an item follows.
func (p *scanner) next(end byte) (more bool, err error) {
	p.space()
	if p.closes(end) {
		return false, nil
	}
	err = p.take(',')
	p.space()
	return err == nil, err
}

// closes consumes the end of an object or array where it stands next.
func (p *scanner) closes(end byte) bool {
	if p.peek() != end {
		return false
	}
	p.pos++
	p.depth--
	return true
}

// key consumes a member's key and its colon, and returns the key as it is spelled, in its quotes.
func (p *scanner) key() (string, error) {
	quoted, err := p.str()
	if err != nil {
		return "", err
	}
	p.space()
	if err := p.take(':'); err != nil {
		return "", err
	}
	p.space()
	return quoted, nil
}

// str consumes a string and returns it as it is spelled, in its quotes.
func (p *scanner) str() (string, error) {
	start := p.pos
	if err := p.take('"'); err != nil {
		return "", err
	}
	for i := p.pos; i < len(p.text); i++ {
		for i+8 <= len(p.text) && isPlain(p.text[i:i+8]) {
			i += 8
		}
		if i == len(p.text) {
			break
		}
		switch c := p.text[i]; {
		case c == '"':
			p.pos = i + 1
			return p.text[start:p.pos], nil
		case c < ' ':
			return "", errSyntax
		case c == '\\':
			p.pos = i
			if err := p.escape(); err != nil {
				return "", err
			}
			i = p.pos - 1
		}
	}
	return "", errSyntax
}

// isPlain reports whether the 8 bytes of s are part of a string and mean themselves. It may say no
// where they do.
func isPlain(s string) bool {
	const each, top = 0x01_01_01_01_01_01_01_01, 0x80_80_80_80_80_80_80_80
	word := binary.LittleEndian.Uint64(bytesOf(s))
	quote, backslash := word^each*'"', word^each*'\\'
	return ((word-each*' ')&^word|(quote-each)&^quote|(backslash-each)&^backslash)&top == 0
}

func (p *scanner) escape() error {
	rest := p.text[p.pos:]
	if len(rest) < 2 {
		return errSyntax
	}
	if strings.IndexByte(`"\/bfnrt`, rest[1]) >= 0 {
		p.pos += 2
		return nil
	}
	if _, ok := unicodeEscape(rest); !ok {
		return errSyntax
	}
	p.pos += len(`\u0000`)
	return nil
}

// unicodeEscape reads the \uXXXX that s begins with.
func unicodeEscape(s string) (rune, bool) {
	if len(s) < len(`\u0000`) || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n := rune(0)
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// scalar consumes a number or a name (NaN and the infinities too, which Python writes).
func (p *scanner) scalar() (string, error) {
	switch p.peek() {
	case 't':
		return p.name("true")
	case 'f':
		return p.name("false")
	case 'n':
		return p.name("null")
	case 'N':
		return p.name("NaN")
	case 'I':
		return p.name("Infinity")
	}
	if strings.HasPrefix(p.text[p.pos:], "-I") {
		return p.name("-Infinity")
	}
	return p.number()
}

func (p *scanner) name(name string) (string, error) {
	if !strings.HasPrefix(p.text[p.pos:], name) {
		return "", errSyntax
	}
	p.pos += len(name)
	return name, nil
}

func (p *scanner) number() (string, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if !p.digits() {
		return "", errSyntax
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return "", errSyntax
		}
	}
	if p.peek()|0x20 == 'e' {
		p.pos++
		if sign := p.peek(); sign == '+' || sign == '-' {
			p.pos++
		}
		if !p.digits() {
			return "", errSyntax
		}
	}
	return p.text[start:p.pos], nil
}

func (p *scanner) digits() bool {
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}

// unescape returns what the text between a string's quotes means. A lone surrogate becomes the
// bytes that UTF-8 would have for it, so that the names of two keys stay apart, and exact is false.
func unescape(body string) (s string, exact bool) {
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

// decodeAny decodes one value into nil, bool, string, int64 (a whole number that fits),
// float64 (a number with a point or an exponent), json.Number (any other), []any or
// map[string]any.
func decodeAny(raw string) (any, error) {
	p := scanner{text: raw}
	v, err := p.decode()
	if err == nil && p.pos != len(raw) {
		err = errSyntax
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
		s, exact := unescape(quoted[1 : len(quoted)-1])
		if !exact {
			return nil, errUnreadable
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
		key, exact := unescape(quoted[1 : len(quoted)-1])
		if !exact {
			return nil, errUnreadable
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
		return nil, errUnreadable
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

// appendJSON appends v as ASCII JSON. A float is written with a point or an exponent, so that
// it is read back as a float; inside a struct encoding/json decides. Text that is not UTF-8 is
// an error.
func appendJSON(b []byte, v any) ([]byte, error) {
	return appendValue(b, v, 0)
}

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return appendString(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return appendFloat(b, v, 64)
	case float32:
		return appendFloat(b, float64(v), 32)
	case map[string]any:
		return appendMap(b, v, depth)
	case []any:
		if v == nil {
			return append(b, "null"...), nil
		}
		return appendSlice(b, len(v), func(i int) any { return v[i] }, depth)
	case json.Marshaler, encoding.TextMarshaler, []byte:
		return appendMarshaled(b, v)
	}
	return appendReflected(b, reflect.ValueOf(v), depth)
}

// appendReflected walks through named and typed containers, so that the floats in them are
// written as floats. Whatever else there is, encoding/json knows; structs stay where they are,
// for it looks for methods on their addresses.
func appendReflected(b []byte, v reflect.Value, depth int) ([]byte, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().Kind() != reflect.Struct {
			return appendValue(b, v.Elem().Interface(), depth+1)
		}
	case reflect.String:
		if v.Type() != reflect.TypeFor[json.Number]() {
			return appendString(b, v.String())
		}
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v.Float(), v.Type().Bits())
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String && !v.Type().Key().Implements(reflect.TypeFor[encoding.TextMarshaler]()) && !v.IsNil() {
			m := make(map[string]any, v.Len())
			for it := v.MapRange(); it.Next(); {
				m[it.Key().String()] = it.Value().Interface()
			}
			return appendMap(b, m, depth)
		}
	case reflect.Slice, reflect.Array:
		if (v.Kind() == reflect.Array || !v.IsNil()) && !isForMarshal(v.Type().Elem()) {
			return appendSlice(b, v.Len(), func(i int) any { return v.Index(i).Interface() }, depth)
		}
	}
	return appendMarshaled(b, v.Interface())
}

// isForMarshal reports whether a list of such elements is left to encoding/json, which looks for
// methods on their addresses and has a form of its own for bytes.
func isForMarshal(elem reflect.Type) bool {
	p := reflect.PointerTo(elem)
	return elem.Kind() == reflect.Uint8 || elem.Kind() == reflect.Struct ||
		p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

func appendMap(b []byte, m map[string]any, depth int) ([]byte, error) {
	if m == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '{')
	for i, key := range sortedKeys(m) {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendString(b, key); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendValue(b, m[key], depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendSlice(b []byte, n int, at func(int) any, depth int) ([]byte, error) {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, at(i), depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendMarshaled(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return appendASCII(b, text), nil
}

// appendASCII appends JSON text with everything beyond printable ASCII escaped.
func appendASCII(b, text []byte) []byte {
	for len(text) > 0 {
		if text[0] <= '~' {
			b = append(b, text[0])
			text = text[1:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		b = appendRune(b, r)
		text = text[size:]
	}
	return b
}

func appendFloat(b []byte, f float64, bits int) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is no JSON number", f)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		format = 'e'
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, format, -1, bits)
	if !slices.ContainsFunc(b[start:], func(c byte) bool { return c == '.' || c == 'e' }) {
		b = append(b, ".0"...)
	}
	return b, nil
}

// appendString appends s as Python's json.dumps would.
func appendString(b []byte, s string) ([]byte, error) {
	b = append(slices.Grow(b, len(s)+len(`""`)), '"')
	plain := 0 // where what means itself begins
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[plain:i]...)
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size <= 1 {
			return nil, errors.New("text that is not UTF-8: store bytes as []byte")
		}
		i += size
		plain = i
		switch r {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		default:
			b = appendRune(b, r)
		}
	}
	b = append(b, s[plain:]...)
	return append(b, '"'), nil
}

func appendRune(b []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendRune(appendRune(b, high), low)
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
