package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"hash/fnv"
	"net"
	"strings"
	"sync/atomic"

	"github.com/valkey-io/valkey-go"
)

// A generation knows which run of the server answers. A server that restarts has another run, and so has
// a replica that becomes the master: what they hold may be older than what was answered before.
type generation struct {
	dials atomic.Uint64 // connections that were begun: only a new one can lead to another run
	known atomic.Pointer[knownRun]
}

// A knownRun is the run that the server named when so many connections had been begun.
type knownRun struct{ dials, run uint64 }

type dialFunc = func(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error)

// attach has the client's new connections counted.
func (g *generation) attach(config *valkey.ClientOption) {
	dial := config.DialCtxFn
	if dial == nil {
		dial = dialOf(config)
	}
	config.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, tlsConfig *tls.Config) (net.Conn, error) {
		g.dials.Add(1)
		return dial(ctx, addr, dialer, tlsConfig)
	}
}

// dialOf returns what the client does without a DialCtxFn.
func dialOf(config *valkey.ClientOption) dialFunc {
	if older := config.DialFn; older != nil { // a program may still set it
		return func(_ context.Context, addr string, dialer *net.Dialer, tlsConfig *tls.Config) (net.Conn, error) {
			return older(addr, dialer, tlsConfig)
		}
	}
	return func(ctx context.Context, addr string, dialer *net.Dialer, tlsConfig *tls.Config) (net.Conn, error) {
		if tlsConfig == nil {
			return dialer.DialContext(ctx, "tcp", addr)
		}
		return (&tls.Dialer{NetDialer: dialer, Config: tlsConfig}).DialContext(ctx, "tcp", addr)
	}
}

// Generation returns a number that changes when the server restarts or another one takes over: entries
// from before may be older than what was answered. It asks the server (INFO) when a connection has
// been made since the last call. It is always 0 if it cannot tell: with [NewFromClient], with Cluster, and
// if the user may not run INFO.
func (c *Cache) Generation(ctx context.Context) (uint64, error) {
	if c.generation == nil {
		return 0, nil
	}
	dials := c.generation.dials.Load()
	if known := c.generation.known.Load(); known != nil && known.dials == dials {
		return known.run, nil
	}
	info, err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, repeatable(client.B().Info().Section("server").Build()))
	}).ToString()
	run := uint64(0)
	switch _, refused := refusal(err); {
	case refused: // the user may not run INFO
	case err != nil:
		return 0, failure("ask for the server's run", err)
	default:
		if run, err = runOf(info); err != nil {
			return 0, err
		}
	}
	c.generation.known.Store(&knownRun{dials, run})
	return run, nil
}

// runOf returns a number for the run_id in what INFO answers.
func runOf(info string) (uint64, error) {
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "run_id:"); ok {
			h := fnv.New64a()
			_, _ = h.Write([]byte(id))
			return h.Sum64(), nil
		}
	}
	return 0, errors.New("redis: the server's INFO names no run_id: CachedDB cannot tell whether its entries are from before a restart")
}
