package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/cache/redis"
)

// enough are the rules that a user needs according to the documentation of New.
const enough = "-@all +get +set +del +eval +evalsha +client|tracking"

func TestNewNamesTheCommandThatTheUserMayNotRun(t *testing.T) {
	s := startServer(t)
	for _, test := range []struct {
		name, rules string
		near        int64
		want        []string // in the error; none: New succeeds
	}{
		{"enough", enough, 1 << 20, nil},
		{"enough without a near cache", enough + " -client", 0, nil},
		{"no scripts", enough + " -eval -evalsha", 1 << 20, []string{"refuses EVALSHA, EVAL and", "'evalsha'", "keys app:*"}},
		{"no EVAL", enough + " -eval", 1 << 20, []string{"refuses EVAL and", "'eval'"}},
		{"no EVALSHA", enough + " -evalsha", 1 << 20, []string{"refuses EVALSHA and", "'evalsha'"}},
		{"no GET", enough + " -get", 1 << 20, []string{"refuses GET and", "'get'"}},
		{"no SET", enough + " -set", 1 << 20, []string{"refuses SET and", "'set'"}},
		{"no DEL", enough + " -del", 1 << 20, []string{"refuses DEL and", "'del'"}},
		{"no CLIENT", enough + " -client", 1 << 20, []string{"CLIENT TRACKING", "NearCache(0)"}},
		{"other keys", enough + " resetkeys ~other:*", 1 << 20, []string{"refuses GET, SET, DEL, EVALSHA, EVAL and", "one of the keys", "keys app:*"}},
	} {
		for kind, form := range map[string]string{"RESP3": "", "RESP2": "/?protocol=2"} {
			if kind == "RESP2" && test.near > 0 {
				continue
			}
			t.Run(test.name+", "+kind, func(t *testing.T) {
				rules := append([]string{"ACL", "SETUSER", "app", "reset", "on", ">secret", "~app:*"}, strings.Fields(test.rules)...)
				if err := s.do(t, rules...).Error(); err != nil {
					t.Fatal(err)
				}
				c, err := redis.New("redis://app:secret@"+s.addr+form, redis.Prefix("app:"), redis.NearCache(test.near))
				if err == nil {
					defer c.Close()
				}
				if test.want == nil {
					if err != nil {
						t.Fatalf("New: %v; want a cache", err)
					}
					add(t, c, "key", "value")
					swap(t, c, "key", "value", "new")
					remove(t, c, "key")
					return
				}
				for _, want := range test.want {
					if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
						t.Errorf("New: %v; want an error with %q and no password", err, want)
					}
				}
			})
		}
	}
}

func TestNewLeavesNothingInTheServer(t *testing.T) {
	s := startServer(t)
	open(t, s.url(), redis.Prefix("app:"))
	if n, err := s.do(t, "DBSIZE").AsInt64(); n != 0 || err != nil {
		t.Errorf("after New the server has %d keys, %v; want 0", n, err)
	}
}

// A program can start while its server temporarily accepts no writes.
func TestNewAcceptsAServerThatRefusesWritesForNow(t *testing.T) {
	master, replica := startServer(t, "--repl-diskless-sync-delay", "0"), startServer(t)
	demote(t, replica, master)
	full := startServer(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
	for name, s := range map[string]*server{"a replica": replica, "a full server": full} {
		if _, err := open(t, s.url()).Add(t.Context(), "key", nil, time.Hour); err == nil {
			t.Errorf("%s accepted a write", name)
		}
	}
}
