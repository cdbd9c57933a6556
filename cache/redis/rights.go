package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"
)

// checkTimeout bounds what New waits for the answers of check.
const checkTimeout = 5 * time.Second

// check runs each command that a Cache needs on a key that does not exist, so it changes nothing.
// Its error names the commands that the server or the user's ACL refuses. check ignores other
// errors, such as that the server is full or still loading, because they may end by themselves.
func check(client valkey.Client, prefix string) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	b, key := client.B(), prefix+"check:"+rand.Text()
	names := []string{"GET", "SET", "DEL", "EVALSHA", "EVAL"}
	results := client.DoMulti(ctx,
		b.Get().Key(key).Build(),
		b.Set().Key(key).Value("").Xx().Build(), // XX: only if the key exists
		b.Del().Key(key).Build(),
		b.Evalsha().Sha1(strings.Repeat("0", 40)).Numkeys(1).Key(key).Build(),
		b.Eval().Script("return 0").Numkeys(1).Key(key).Build(),
	)

	var refused, answers []string
	for i, result := range results {
		if err := result.NonValkeyError(); err != nil {
			return failure("connect", err)
		}
		if answer, ok := refusal(result.Error()); ok {
			refused, answers = append(refused, names[i]), append(answers, answer)
		}
	}
	if refused == nil {
		return nil
	}
	return fmt.Errorf("redis: the server refuses %s and answers %q: the cache needs %s on the keys %s*",
		strings.Join(refused, ", "), answers[0], strings.Join(names, ", "), prefix)
}

// refusal returns the server's answer, and whether it says that the user may not run the command or
// that the server does not have it. The client removes "ERR " from an answer.
func refusal(err error) (answer string, ok bool) {
	e, ok := valkey.IsValkeyErr(err)
	if !ok {
		return "", false
	}
	answer = withoutArguments(e.Error())
	return answer, strings.HasPrefix(answer, "NOPERM ") || strings.HasPrefix(answer, "unknown command")
}
