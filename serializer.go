package ginsession

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"reflect"

	"github.com/ginsession/ginsession/internal/pyjson"
)

// A Serializer encodes one value of the dictionary. If it does not write JSON, the record holds
// its bytes as base64 text. Source: Django's SESSION_SERIALIZER.
type Serializer interface {
	// Marshal encodes v, or says why it cannot be stored.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes into what dst points to. If that is an any, Unmarshal chooses the type.
	Unmarshal(data []byte, dst any) error
}

// The serializers of this package.
var (
	// JSON stores what encoding/json does, and is what Django reads. [Session.Get] returns whole
	// numbers as int64 and floats as float64. A value that encoding/json would silently change is
	// refused with [ErrEncode]: text that is not UTF-8, a struct without exported fields such as most errors.
	JSON Serializer = jsonSerializer{}

	// Gob stores Go values that JSON has no form for. Types beyond the basic ones and slices of
	// them (map[string]any, time.Time, your own) must be registered with gob.Register. A value
	// that contains itself overflows the stack, which ends the program. A value may have at most
	// 1 MiB. No other language reads it.
	//
	// Use Gob only for records that nobody else can write: encoding/gob believes the size that
	// data claims for a map, so that a few hostile bytes use up the memory (see "Security" in its
	// documentation). Set Config.SecretKey unless the store is your program's alone: a record
	// is then verified before anything of it is decoded.
	Gob Serializer = gobSerializer{}
)

type jsonSerializer struct{}

func (jsonSerializer) Marshal(v any) ([]byte, error) { return pyjson.Append(nil, v) }

func (jsonSerializer) Unmarshal(data []byte, dst any) error {
	return pyjson.Unmarshal(string(data), dst)
}

type gobSerializer struct{}

// boxed lets gob keep the type of the value beside it.
type boxed struct{ Value any }

func (gobSerializer) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(boxed{v}); err != nil {
		return nil, fmt.Errorf("%w (a type that gob does not know needs gob.Register)", err)
	}
	return b.Bytes(), checkGob(b.Bytes())
}

// maxGob is the size of the largest Gob value, in bytes: what a signed record may hold in all. It
// bounds how deep the decoder recurses.
const maxGob = 1 << 20

func checkGob(data []byte) error {
	if len(data) > maxGob {
		return fmt.Errorf("its Gob encoding has %d bytes: at most %d are allowed", len(data), maxGob)
	}
	return nil
}

func (gobSerializer) Unmarshal(data []byte, dst any) error {
	if err := checkGob(data); err != nil {
		return err
	}
	var b boxed
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&b); err != nil {
		return err
	}
	return assign(reflect.ValueOf(dst).Elem(), reflect.ValueOf(b.Value))
}

// assign sets target to value. Gob does not keep whether a value was stored behind a pointer, so one
// stands for the other.
func assign(target, value reflect.Value) error {
	switch {
	case !value.IsValid():
		target.SetZero()
	case value.Type().AssignableTo(target.Type()):
		target.Set(value)
	case isNumber(value.Kind()) && isNumber(target.Kind()):
		return convertNumber(target, value)
	case value.Kind() == reflect.Pointer:
		return assign(target, value.Elem())
	case target.Kind() == reflect.Pointer:
		pointer := reflect.New(target.Type().Elem())
		if err := assign(pointer.Elem(), value); err != nil {
			return err
		}
		target.Set(pointer)
	default:
		return fmt.Errorf("the stored value is a %s, not a %s", value.Type(), target.Type())
	}
	return nil
}

func isNumber(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Float64 }

// convertNumber converts a number, or returns an error if the target cannot hold it exactly.
func convertNumber(target, value reflect.Value) error {
	converted := value.Convert(target.Type())
	if isNegative(converted) != isNegative(value) || !converted.Convert(value.Type()).Equal(value) {
		return fmt.Errorf("the stored %s does not fit a %s", value.Type(), target.Type())
	}
	target.Set(converted)
	return nil
}

// isNegative distinguishes an int from the uint with the same bits.
func isNegative(v reflect.Value) bool {
	return v.CanInt() && v.Int() < 0 || v.CanFloat() && v.Float() < 0
}
