package pyjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("text that is not UTF-8: store bytes as []byte")

// appendMarshaled appends what encoding/json makes of v, unless that says less than v does.
func appendMarshaled(b []byte, v any) ([]byte, error) {
	if t := structOf(reflect.TypeOf(v)); hidesAll(t) {
		return nil, fmt.Errorf("a %s has no exported field, so nothing of it would be stored", t)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(text, []byte(`\ufffd`)) && hasInvalidText(reflect.ValueOf(v)) {
		return nil, errNotUTF8
	}
	return AppendASCII(b, text)
}

// AppendASCII appends JSON text with everything beyond printable ASCII escaped.
func AppendASCII(b, text []byte) ([]byte, error) {
	for len(text) > 0 {
		if text[0] <= '~' {
			b = append(b, text[0])
			text = text[1:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size <= 1 {
			return nil, errNotUTF8
		}
		b = appendRune(b, r)
		text = text[size:]
	}
	return b, nil
}

// structOf returns the type of the values that pointers and lists of type t lead to. A type may
// lead to itself only.
func structOf(t reflect.Type) reflect.Type {
	for range maxDepth {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			if implements(t, marshalers...) {
				return t
			}
			t = t.Elem()
		default:
			return t
		}
	}
	return t
}

// hidesAll reports whether t is a struct of which encoding/json writes nothing, such as most
// errors are.
func hidesAll(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() == 0 || implements(reflect.PointerTo(t), marshalers...) {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() || f.Anonymous {
			return false
		}
	}
	return true
}

// hasInvalidText reports whether there is text in v that encoding/json could only write with the
// replacement character. It follows what encoding/json has followed, so it ends.
func hasInvalidText(v reflect.Value) bool {
	if !v.IsValid() {
		return false
	}
	if text, ok := ownText(v); ok {
		return !utf8.Valid(text)
	}
	switch v.Kind() {
	case reflect.String:
		return !utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return hasInvalidText(v.Elem())
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if hasInvalidText(it.Key()) || hasInvalidText(it.Value()) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if hasInvalidText(v.Index(i)) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if isWritten(v.Type().Field(i)) && hasInvalidText(v.Field(i)) {
				return true
			}
		}
	}
	return false
}

// isWritten reports whether encoding/json looks at a struct's field.
func isWritten(f reflect.StructField) bool {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return (f.IsExported() || f.Anonymous) && (name != "-" || options != "")
}

// ownText returns the text that v makes of itself, if it has a method for that.
func ownText(v reflect.Value) (text []byte, ok bool) {
	if v.Kind() == reflect.Pointer && v.IsNil() || !v.CanInterface() {
		return nil, false
	}
	own := v.Interface()
	if v.CanAddr() {
		own = v.Addr().Interface()
	}
	var err error
	switch own := own.(type) {
	case json.Marshaler:
		text, err = own.MarshalJSON()
	case encoding.TextMarshaler:
		text, err = own.MarshalText()
	default:
		return nil, false
	}
	return text, err == nil
}
