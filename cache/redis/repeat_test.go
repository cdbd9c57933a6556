package redis_test

import (
	"testing"
	"time"

	"github.com/ginsession/ginsession/cache/redis"
)

func TestWhatIsRepeatedAfterAResetConnection(t *testing.T) {
	for _, test := range []struct {
		command, inStats string
		repeated         bool
		call             func(*testing.T, *redis.Cache) error
	}{
		{"GET", "get", true, func(t *testing.T, c *redis.Cache) error {
			_, _, err := c.Get(t.Context(), "key")
			return err
		}},
		{"DEL", "del", true, func(t *testing.T, c *redis.Cache) error {
			return c.Delete(t.Context(), "key")
		}},
		{"SET", "set", false, func(t *testing.T, c *redis.Cache) error {
			_, err := c.Add(t.Context(), "absent", []byte("value"), time.Hour)
			return err
		}},
		{"EVALSHA", "evalsha", false, func(t *testing.T, c *redis.Cache) error {
			_, err := c.CompareAndSwap(t.Context(), "key", []byte("value"), []byte("new"), time.Hour)
			return err
		}},
	} {
		for kind, opts := range map[string][]redis.Option{"near cache": nil, "no near cache": {redis.NearCache(0)}} {
			for _, executed := range []bool{false, true} {
				name := test.command + ", " + kind + ", not executed"
				if executed {
					name = test.command + ", " + kind + ", executed"
				}
				t.Run(name, func(t *testing.T) {
					s := startServer(t)
					address := newForwarder(t, s.addr)
					c := open(t, address.url(), opts...)
					add(t, c, "key", "value")
					swap(t, c, "key", "value", "value") // loads the script
					before := s.calls(t, test.inStats)

					address.resetAt(test.command, executed)
					err := test.call(t, c)
					if test.repeated != (err == nil) {
						t.Errorf("%v; want an error: %v", err, !test.repeated)
					}
					want := before
					if test.repeated {
						want++
					}
					if executed {
						want++
						eventually(t, "the server has executed the first one", func() bool { return s.calls(t, test.inStats) >= want })
					}
					if got := s.calls(t, test.inStats); got != want {
						t.Errorf("the server has executed %s %d times; want %d", test.command, got-before, want-before)
					}
					if test.command == "DEL" && s.exists(t, "key") {
						t.Error("Delete has returned and the key is there")
					}
				})
			}
		}
	}
}
