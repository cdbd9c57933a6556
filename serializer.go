package ginsession

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// A Serializer encodes one value of the dictionary. Where it writes something else than JSON,
// its bytes stand in the record as base64 text. Source: Django's SESSION_SERIALIZER.
type Serializer interface {
	// Marshal encodes v, or says why it cannot be stored.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes into what dst points to. Where that is an any, it chooses the type.
	Unmarshal(data []byte, dst any) error
}

// The serializers of this package.
var (
	// JSON stores what encoding/json does, and is what Django reads. Numbers come back from
	// [Session.Get] as int64 where they are whole and as float64 where they were floats.
	JSON Serializer = jsonSerializer{}

	// Gob stores Go values that JSON has no form for. Types beyond the basic ones and slices of
	// them (map[string]any, time.Time, your own) must be registered with gob.Register. It does
	// not see that a value contains itself, which ends the program. No other language reads it.
	Gob Serializer = gobSerializer{}
)

type jsonSerializer struct{}

func (jsonSerializer) Marshal(v any) ([]byte, error) { return appendJSON(nil, v) }

func (jsonSerializer) Unmarshal(data []byte, dst any) error {
	return decodeJSON(string(data), dst)
}

// decodeJSON decodes raw into what dst points to: the common types without encoding/json, an
// any by the rules of decodeAny.
func decodeJSON(raw string, dst any) (err error) {
	switch dst := dst.(type) {
	case *any:
		*dst, err = decodeAny(raw)
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
		if _, err := decodeAny(raw); err != nil { // encoding/json would let a lone surrogate pass
			return err
		}
	}
	return json.Unmarshal([]byte(raw), dst)
}

// assign decodes raw by the rules of decodeAny where that gives a T, and null as the zero value.
func assign[T any](raw string, dst *T) error {
	v, err := decodeAny(raw)
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

type gobSerializer struct{}

// boxed lets gob keep the type of the value beside it.
type boxed struct{ Value any }

func (gobSerializer) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(boxed{v}); err != nil {
		return nil, fmt.Errorf("%w (a type that gob does not know needs gob.Register)", err)
	}
	return b.Bytes(), nil
}

func (gobSerializer) Unmarshal(data []byte, dst any) error {
	var b boxed
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&b); err != nil {
		return err
	}
	target := reflect.ValueOf(dst).Elem()
	value := reflect.ValueOf(b.Value)
	switch {
	case !value.IsValid():
		target.SetZero()
	case value.Type().AssignableTo(target.Type()):
		target.Set(value)
	case isNumber(value.Kind()) && isNumber(target.Kind()):
		return convertNumber(target, value)
	default:
		return fmt.Errorf("the stored value is a %s, not a %s", value.Type(), target.Type())
	}
	return nil
}

func isNumber(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Float64 }

// convertNumber converts where nothing is lost.
func convertNumber(target, value reflect.Value) error {
	converted := value.Convert(target.Type())
	if isNegative(converted) != isNegative(value) || !converted.Convert(value.Type()).Equal(value) {
		return fmt.Errorf("the stored %s does not fit a %s", value.Type(), target.Type())
	}
	target.Set(converted)
	return nil
}

// isNegative tells apart an int and the uint of the same bits.
func isNegative(v reflect.Value) bool {
	return v.CanInt() && v.Int() < 0 || v.CanFloat() && v.Float() < 0
}
