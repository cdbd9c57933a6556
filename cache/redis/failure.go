package redis

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/valkey-io/valkey-go"
)

// failure adds the operation to the error, and removes keys and values from the server's answer.
func failure(operation string, err error) error {
	if err == nil {
		return nil
	}
	if answer, ok := valkey.IsValkeyErr(err); ok {
		return fmt.Errorf("redis: %s: the server answers %q", operation, withoutArguments(answer.Error()))
	}
	return fmt.Errorf("redis: %s: %w", operation, err)
}

var (
	// argumentsFollow is where Redis begins to quote the arguments of a command it does not know.
	argumentsFollow = regexp.MustCompile(`,? with args beginning with`)

	// quotation matches the beginning of a quotation, or all of it if it quotes the name of a
	// command, such as 'eval' or 'client|tracking'. \B excludes the apostrophe of "can't".
	quotation = regexp.MustCompile("\\B['\"`]([A-Za-z|]{1,24}['\"`])?")
)

// withoutArguments cuts the server's answer off before it quotes a key or value, because session
// keys and records must not appear in errors. The names of commands stay.
func withoutArguments(answer string) string {
	if found := argumentsFollow.FindStringIndex(answer); found != nil {
		answer = answer[:found[0]]
	}
	for _, found := range quotation.FindAllStringSubmatchIndex(answer, -1) {
		if found[2] < 0 { // not the name of a command
			return strings.TrimRight(answer[:found[0]], " ")
		}
	}
	return answer
}
