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
		// Without it, a client that misses Sentinel's message stays with the old master.
		config.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
	return config, nil
}

// parseURL accepts what valkey.ParseURL accepts, and also a slash at the end, as redis-cli -u does,
// and addr=host without a port. It refuses URLs that valkey.ParseURL silently misreads, such as
// host:port without redis://. Its errors quote no part of the URL, which may be a password that is
// not encoded.
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
		// The error's text is "valkey: invalid database number: " and the part of the URL.
		what, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "valkey: "), ":")
		return config, fmt.Errorf("redis: the URL cannot be read: %s: write redis://user:password@host:6379/0 or rediss://HOST", what)
	}
	return config, nil
}

// withPorts gives each addr without a port the default one. valkey.ParseURL replaces an addr
// without a port by the URL's own host.
func withPorts(query url.Values) url.Values {
	for i, addr := range query["addr"] {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			query["addr"][i] = net.JoinHostPort(strings.Trim(addr, "[]"), "6379")
		}
	}
	return query
}

// retryDelay repeats a command three times within 75 ms, enough for idle connections that a restart
// of the server has closed. The default of valkey-go repeats until the context ends, even if the
// server is gone.
func retryDelay(attempts int, _ valkey.Completed, _ error) time.Duration {
	if attempts > 3 {
		return -1
	}
	return time.Duration(attempts-1) * 25 * time.Millisecond
}
