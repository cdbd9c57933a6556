package redis

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"
)

func clientOption(address string, o options) (valkey.ClientOption, error) {
	config, err := parseURL(address)
	if err != nil {
		return config, err
	}
	config.RetryDelay = retryDelay
	if o.configure != nil {
		o.configure(&config)
	}
	if config.Sentinel.MasterSet != "" && config.Sentinel.TopologyRefreshInterval == 0 {
		// A missed failover message would bind the client to the old master for good.
		config.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
	return config, nil
}

// parseURL is valkey.ParseURL for what programs and their operators write beside its own form: a
// slash at the end, as redis-cli -u accepts it, and further addresses without a port. It refuses
// what valkey.ParseURL takes for something else. No error holds a part of the URL, which may be
// a badly encoded password.
func parseURL(address string) (valkey.ClientOption, error) {
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return valkey.ClientOption{}, errors.New("redis: the URL cannot be read: write redis://user:password@host:6379/0 or rediss://..., with special characters percent-encoded")
	}
	if u.Scheme == "unix" {
		if u.Host != "" || u.Path == "" {
			return valkey.ClientOption{}, errors.New("redis: the URL has no socket: write unix:///run/redis.sock, with three slashes")
		}
	} else {
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
	}
	u.RawQuery = withPorts(u.Query()).Encode()

	config, err := valkey.ParseURL(u.String())
	if err != nil {
		// Its text ends with what it cannot read.
		what, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "valkey: "), ":")
		return config, fmt.Errorf("redis: the URL cannot be read: %s: write redis://user:password@host:6379/0 or rediss://...", what)
	}
	return config, nil
}

// withPorts gives each further address a port. valkey.ParseURL would read one without a port as
// the first address once more.
func withPorts(query url.Values) url.Values {
	for i, addr := range query["addr"] {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			query["addr"][i] = net.JoinHostPort(strings.Trim(addr, "[]"), "6379")
		}
	}
	return query
}

// retryDelay lets a command that may be repeated outlive a server's restart, and not wait for a
// server that is gone: valkey-go's own would go on until the context ends.
func retryDelay(attempts int, _ valkey.Completed, _ error) time.Duration {
	if attempts > 3 {
		return -1
	}
	return time.Duration(attempts-1) * 25 * time.Millisecond
}
