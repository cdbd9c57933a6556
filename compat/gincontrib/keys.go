package gincontrib

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/gob"
	"fmt"
	"reflect"
	"strings"
)

const (
	// reservedPrefix begins the keys of ginsession itself.
	reservedPrefix = "_session_"

	// encodedPrefix begins what stands for a key that is not kept as it is.
	encodedPrefix = "_gob:"
)

// encodeKey returns the text that stands for a key in the session. A string stands for itself,
// so that ginsession.Get(c) has it under the same name. Any other key, and a string that could be
// taken for an encoded or a reserved one, is "_gob:" and the base64 of its gob encoding, which
// keeps its type.
//
// Keys are numbers, booleans, strings and types made of them, registered with gob.Register: gob
// encodes those alike in every process. The encoding of a struct or an array depends on what the
// process has encoded before, so it finds nothing again.
func encodeKey(key any) (string, error) {
	if text, ok := key.(string); ok && !strings.HasPrefix(text, reservedPrefix) && !strings.HasPrefix(text, encodedPrefix) {
		return text, nil
	}
	if !isPlain(key) {
		return "", keyError(key, "keys are strings, numbers, booleans and types made of them")
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&key); err != nil {
		return "", keyError(key, "register it with gob.Register")
	}
	return encodedPrefix + base64.RawURLEncoding.EncodeToString(b.Bytes()), nil
}

func keyError(key any, advice string) error {
	return fmt.Errorf("a key of type %T: %s", key, advice)
}

func isPlain(key any) bool {
	switch key.(type) {
	case nil, gob.GobEncoder, encoding.BinaryMarshaler, encoding.TextMarshaler:
		return false
	}
	kind := reflect.TypeOf(key).Kind()
	return kind >= reflect.Bool && kind <= reflect.Complex128 || kind == reflect.String
}

// decodeKey is the inverse of encodeKey. A text that does not decode, for instance because its
// type is not registered in this program, is the key itself.
func decodeKey(text string) any {
	encoded, ok := strings.CutPrefix(text, encodedPrefix)
	if !ok {
		return text
	}
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return text
	}
	var key any
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&key); err != nil || !isPlain(key) {
		return text
	}
	return key
}
