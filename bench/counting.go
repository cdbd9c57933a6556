package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql/driver"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// This file counts statements: what database/sql sends to a driver, BEGIN and COMMIT included.
// Only the counting runs use it, never one that is timed.

type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

type countingConnector struct {
	driver.Connector
	count *atomic.Int64
}

func (c countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countingConn{conn, c.count}, nil
}

type countingConn struct {
	driver.Conn
	count *atomic.Int64
}

// Prepare has every statement run as a prepared one, so that each is counted once, when it runs.
func (c countingConn) Prepare(query string) (driver.Stmt, error) {
	stmt, err := c.Conn.Prepare(query)
	return countingStmt{stmt, c.count}, err
}

func (c countingConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.count.Add(1)
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
	return countingTx{tx, c.count}, err
}

func (c countingConn) ResetSession(ctx context.Context) error {
	if conn, ok := c.Conn.(driver.SessionResetter); ok {
		return conn.ResetSession(ctx)
	}
	return nil
}

func (c countingConn) CheckNamedValue(v *driver.NamedValue) error {
	if conn, ok := c.Conn.(driver.NamedValueChecker); ok {
		return conn.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type countingTx struct {
	driver.Tx
	count *atomic.Int64
}

func (t countingTx) Commit() error {
	t.count.Add(1)
	return t.Tx.Commit()
}

type countingStmt struct {
	driver.Stmt
	count *atomic.Int64
}

func (s countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.count.Add(1)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.count.Add(1)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// A tracer counts what pgx's own pool sends.
type tracer struct{ count *atomic.Int64 }

func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	t.count.Add(1)
	return ctx
}

func (t tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// watchRedis starts to count the commands that clients send to Redis, as MONITOR shows them,
// and returns how to end. The server must be nobody else's.
func watchRedis(e *environment) (count func() (int64, error), err error) {
	if !e.redis {
		return func() (int64, error) { return 0, nil }, nil
	}
	addr, err := e.redisAddr()
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	lines := bufio.NewReader(conn)
	if _, err := fmt.Fprint(conn, "MONITOR\r\n"); err != nil {
		return nil, err
	}
	if _, err := lines.ReadString('\n'); err != nil {
		return nil, err
	}
	return func() (int64, error) {
		defer conn.Close()
		end := rand.Text()
		other, err := net.Dial("tcp", addr)
		if err != nil {
			return 0, err
		}
		defer other.Close()
		if _, err := fmt.Fprintf(other, "ECHO %s\r\n", end); err != nil {
			return 0, err
		}
		var sent int64
		for {
			line, err := lines.ReadString('\n')
			if err != nil || strings.Contains(line, end) {
				return sent, err
			}
			if !strings.Contains(line, " lua]") {
				sent++
			}
		}
	}, nil
}
