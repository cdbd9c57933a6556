package redis

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/valkey-io/valkey-go"
)

// failure names the operation, and shows the server's answer without keys and values.
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
	// argumentsFollow begins what Redis appends when it does not know a command.
	argumentsFollow = regexp.MustCompile(`,? with args beginning with`)

	// quotation matches a quotation mark that begins a quotation, and what it quotes if that is
	// the name of a command, such as 'eval' or 'client|tracking'. The \B keeps out the apostrophe
	// of "can't".
	quotation = regexp.MustCompile("\\B['\"`]([A-Za-z|]{1,24}['\"`])?")
)

// withoutArguments cuts the server's answer before the first quotation of a command's key or
// value: session keys and records do not belong in an error.
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
