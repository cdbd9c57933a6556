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

// check runs each command that a Cache needs on a key that nobody has, and so changes nothing. Its
// error names the commands that the server or the user's ACL refuses. Other answers, such as that
// of a server that is full or still loading, are left to the calls that meet them.
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

// refusal returns the server's answer if the user may not run the command or there is none. The
// client has cut "ERR " off.
func refusal(err error) (answer string, ok bool) {
	e, ok := valkey.IsValkeyErr(err)
	if !ok {
		return "", false
	}
	answer = withoutArguments(e.Error())
	return answer, strings.HasPrefix(answer, "NOPERM ") || strings.HasPrefix(answer, "unknown command")
}
