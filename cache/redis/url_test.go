package redis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"
)

func TestURLs(t *testing.T) {
	type option = valkey.ClientOption
	at := func(addr ...string) func(option) bool {
		return func(o option) bool { return slices.Equal(o.InitAddress, addr) && o.SelectDB == 0 }
	}
	db := func(n int) func(option) bool {
		return func(o option) bool { return slices.Equal(o.InitAddress, []string{"h:6379"}) && o.SelectDB == n }
	}
	user := func(name, password string) func(option) bool {
		return func(o option) bool {
			return o.Username == name && o.Password == password && o.InitAddress[0] == "h:6379"
		}
	}
	for url, want := range map[string]func(option) bool{
		"redis://h:6379":              at("h:6379"),
		"redis://h:6379/":             at("h:6379"),
		"redis://h":                   at("h:6379"),
		"redis://h/":                  at("h:6379"),
		"redis://h:6379?protocol=2":   func(o option) bool { return o.AlwaysRESP2 && o.SelectDB == 0 },
		"redis://h:6379/?protocol=2":  func(o option) bool { return o.AlwaysRESP2 && o.SelectDB == 0 },
		"redis://h:6379/3?protocol=2": func(o option) bool { return o.AlwaysRESP2 && o.SelectDB == 3 },
		"redis://h:6379/0":            db(0),
		"redis://h:6379/0/":           db(0),
		"redis://h:6379/15":           db(15),
		"redis://h/15/":               db(15),
		"redis://h/?db=15":            db(15),
		"redis://h:6379/1?db=15":      db(15),
		"REDIS://h:6379/":             at("h:6379"),
		"valkey://h:6379/":            at("h:6379"),
		"redis://":                    at("localhost:6379"),
		"redis:///":                   at("localhost:6379"),
		"redis://[::1]:6380/":         at("[::1]:6380"),
		"redis://[::1]":               at("[::1]:6379"),
		"redis://u@h/":                user("u", ""),
		"redis://u:@h/":               user("u", ""),
		"redis://:p@h/":               user("", "p"),
		"redis://u:p@h:6379":          user("u", "p"),
		"redis://u:p%40%2F%23%25@h/":  user("u", "p@/#%"),
		"redis://@h/":                 user("", ""),

		"redis://h1:6379/?addr=h2:6380&addr=h3:6381": at("h1:6379", "h2:6380", "h3:6381"),
		"redis://h1:6379?addr=h2&addr=[::1]":         at("h1:6379", "h2:6379", "[::1]:6379"),
		"redis://s:26379/?master_set=mymaster":       func(o option) bool { return o.Sentinel.MasterSet == "mymaster" },
		"redis://h/?dial_timeout=3s&write_timeout=4s": func(o option) bool {
			return o.Dialer.Timeout == 3*time.Second && o.ConnWriteTimeout == 4*time.Second
		},
		"redis://h/?client_cache=0&max_retries=0&client_name=shop": func(o option) bool {
			return o.DisableCache && o.DisableRetry && o.ClientName == "shop"
		},

		"rediss://h":                   func(o option) bool { return o.TLSConfig.ServerName == "h" && o.InitAddress[0] == "h:6379" },
		"rediss://h:6379/":             func(o option) bool { return o.TLSConfig.ServerName == "h" },
		"valkeys://h:6379/":            func(o option) bool { return o.TLSConfig.ServerName == "h" },
		"rediss://h:6379/?skip_verify": func(o option) bool { return o.TLSConfig.InsecureSkipVerify },

		"unix:///run/redis.sock": at("/run/redis.sock"),
		"unix:/run/redis.sock":   at("/run/redis.sock"),
		"unix:///run/a%20b.sock": at("/run/a b.sock"),
		"unix://u:p@/run/redis.sock?db=2": func(o option) bool {
			return o.InitAddress[0] == "/run/redis.sock" && o.SelectDB == 2 && o.Password == "p"
		},
	} {
		config, err := clientOption(url, options{})
		if err != nil || !want(config) {
			t.Errorf("%s: addresses %q, database %d, user %q, %v", url, config.InitAddress, config.SelectDB, config.Username, err)
		}
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	for url, want := range map[string]string{
		"":                                "redis://user:password@host",
		"h:6379":                          "redis://user:password@host",
		"redis:6379":                      "redis://user:password@host",
		"http://h":                        "scheme",
		"redis://h:secret":                "percent-encoded",
		"redis://:secret/secret@h":        "percent-encoded",
		"redis://:secret#secret@h":        "percent-encoded",
		"redis://:1#secret@h":             "percent-encoded",
		"redis://u/secret@h":              "database number",
		"redis://:%zz@h":                  "percent-encoded",
		"redis://h/one":                   "database number",
		"redis://h/1/2":                   "path",
		"redis://h//1":                    "path",
		"redis://h/?db=":                  "database number",
		"redis://h/?dial_timeout=5":       "dial timeout",
		"redis://h/?write_timeout=5":      "write timeout",
		"rediss://h/?skip_verify=perhaps": "skip verify",
		"unix://run/redis.sock":           "unix:///",
		"unix://":                         "unix:///",
	} {
		_, err := clientOption(url, options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v; want an error with %q and without a password", url, err, want)
		}
	}
}
