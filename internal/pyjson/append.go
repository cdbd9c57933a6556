package pyjson

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Append appends v as ASCII JSON. A float is written with a point or an exponent, so that
// it is read back as a float; inside a struct encoding/json decides. Text that is not UTF-8 is
// an error.
func Append(b []byte, v any) ([]byte, error) {
	return appendValue(b, v, 0)
}

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, ErrTooDeep
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return AppendString(b, v)
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
// written as floats. encoding/json writes everything else, also whole structs.
func appendReflected(b []byte, v reflect.Value, depth int) ([]byte, error) {
	switch v.Kind() {
	case reflect.Pointer:
		return appendPointer(b, v, depth)
	case reflect.String:
		if v.Type() != reflect.TypeFor[json.Number]() {
			return AppendString(b, v.String())
		}
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v.Float(), v.Type().Bits())
	case reflect.Map:
		if hasTextKeys(v.Type()) && !v.IsNil() {
			return appendTypedMap(b, v, depth)
		}
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
	case reflect.Struct:
		return appendMarshaled(b, addressed(v))
	}
	return appendMarshaled(b, v.Interface())
}

func appendPointer(b []byte, v reflect.Value, depth int) ([]byte, error) {
	switch {
	case v.IsNil():
		return append(b, "null"...), nil
	case v.Elem().Kind() == reflect.Struct:
		return appendMarshaled(b, v.Interface())
	case v.Elem().Kind() == reflect.Array: // by its address, on which its elements may have methods
		return appendList(b, v.Elem(), depth+1)
	}
	return appendValue(b, v.Elem().Interface(), depth+1)
}

func appendList(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if isForMarshal(v.Type().Elem()) || v.Kind() == reflect.Slice && v.IsNil() {
		if v.Kind() == reflect.Array {
			return appendMarshaled(b, addressed(v))
		}
		return appendMarshaled(b, v.Interface())
	}
	return appendSlice(b, v.Len(), func(i int) any { return v.Index(i).Interface() }, depth)
}

// addressed returns a pointer to v, or to a copy of it: encoding/json calls a method of a pointer
// only if it has the address, and stores {} for many a type otherwise.
func addressed(v reflect.Value) any {
	if v.CanAddr() {
		return v.Addr().Interface()
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.Interface()
}

// isForMarshal reports whether a list of such elements is left to encoding/json, which looks for
// methods on their addresses and has a form of its own for bytes.
func isForMarshal(elem reflect.Type) bool {
	switch elem.Kind() {
	case reflect.Uint8, reflect.Struct:
		return true
	case reflect.Array:
		return isForMarshal(elem.Elem())
	}
	return implements(reflect.PointerTo(elem), marshalers...)
}

var marshalers = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}

func implements(t reflect.Type, interfaces ...reflect.Type) bool {
	return slices.ContainsFunc(interfaces, t.Implements)
}

// hasTextKeys reports whether textOfKey knows the keys of a map of type t.
func hasTextKeys(t reflect.Type) bool {
	switch key := t.Key(); {
	case key.Kind() == reflect.String:
		return !key.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	case key.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return key.Kind() != reflect.Pointer && key.Kind() != reflect.Interface
	default:
		return reflect.Int <= key.Kind() && key.Kind() <= reflect.Uintptr
	}
}

// textOfKey returns the text that encoding/json writes for a map's key.
func textOfKey(key reflect.Value) (string, error) {
	if key.Kind() == reflect.String {
		return key.String(), nil
	}
	if m, ok := key.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		return string(text), err
	}
	if key.CanInt() {
		return strconv.FormatInt(key.Int(), 10), nil
	}
	return strconv.FormatUint(key.Uint(), 10), nil
}

func appendTypedMap(b []byte, v reflect.Value, depth int) ([]byte, error) {
	m := make(map[string]any, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := textOfKey(it.Key())
		if err != nil {
			return nil, err
		}
		m[key] = it.Value().Interface()
	}
	if len(m) < v.Len() {
		return nil, fmt.Errorf("two keys of a %s have the same text", v.Type())
	}
	return appendMap(b, m, depth)
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
		if b, err = AppendString(b, key); err != nil {
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

// AppendString appends s as Python's json.dumps would.
func AppendString(b []byte, s string) ([]byte, error) {
	b = append(slices.Grow(b, len(s)+len(`""`)), '"')
	plain := 0 // the start of the characters that stand for themselves
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[plain:i]...)
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size <= 1 {
			return nil, errNotUTF8
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

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
