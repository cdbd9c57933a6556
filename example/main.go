// Command example is a small shop with a cart, sign-in and orders. All that it knows of a visitor
// is kept in a session.
//
//	go run ./example
//
// It serves http://127.0.0.1:8080 and keeps its data in shop.db, an SQLite file in the working
// directory, so carts survive a restart. Sign in as demo with the password demo.
//
// -engine chooses where sessions are kept:
//
//	go run ./example -engine cached_db -cache redis://127.0.0.1:6379
//
// What to read:
//
//	shop.go      the session's settings, the routes, the pages
//	failure.go   what is answered when a session fails
//	engine.go    the engines: database, files, cache, both, signed cookies
//	account.go   sign-in: test cookie, new key, "keep me signed in"; sign-out
//	password.go  a new password: the old one is asked for again, and the other browsers are signed out
//	devices.go   a page that shows where the customer is signed in, and signs out there
//	cart.go      a cart that two tabs can change at once
//	orders.go    an order that a double click places only once
//	inspect.go   a page that shows the visitor their own session
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/bcrypt"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatalf("example: %v", err)
	}
}

// run serves the shop until ctx ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "the `address` to serve")
	dsn := flags.String("dsn", "sqlite:shop.db", "the `database`: sqlite:FILE, postgres://USER:PASSWORD@HOST/DB\nor mysql://USER:PASSWORD@HOST:3306/DB")
	var chosen engineFlags
	flags.StringVar(&chosen.name, "engine", "db", "where sessions are kept, the `name` of an engine: db, file, cache, cached_db\nor signed_cookies, with the key in the environment variable SHOP_SECRET_KEY")
	flags.StringVar(&chosen.dir, "dir", "shop-sessions", "the `folder` of -engine file")
	flags.StringVar(&chosen.cache, "cache", "memory", "the `cache` of -engine cache and cached_db: redis://HOST:PORT, memcached://HOST:PORT,\nor memory for one that ends with the program")
	https := flags.Bool("https", false, "have browsers use HTTPS only, behind a proxy that speaks it")
	if err := flags.Parse(args); err != nil {
		return err
	}

	if os.Getenv(gin.EnvGinMode) == "" {
		gin.SetMode(gin.ReleaseMode) // a list of routes would hide the address and the warnings
	}
	db, err := openDatabase(*dsn)
	if err != nil {
		return err
	}
	defer closeDatabase(db)
	chosen.secretKey = os.Getenv("SHOP_SECRET_KEY")
	engine, err := openEngine(db, chosen)
	if err != nil {
		return err
	}
	defer engine.close()
	shop, err := newShop(db, engine, options{*https, time.Now, demoAccounts, bcrypt.DefaultCost})
	if err != nil {
		return err
	}
	stopCleaner := shop.sessions.StartCleaner(ctx, time.Hour)
	defer stopCleaner()

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("%w: choose another address with -addr", err)
	}
	fmt.Fprintf(out, "The shop is open at http://%s (Ctrl-C closes it)\n", listener.Addr())
	if engine.inCookie && chosen.secretKey == "" {
		fmt.Fprintln(out, "SHOP_SECRET_KEY is not set: cookies are signed with a random key, and are worth nothing after a restart.")
	}
	return serve(ctx, listener, shop)
}

// serve answers requests until ctx ends, then waits up to 10 seconds for those that are running.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	finished := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		finished <- server.Shutdown(patience)
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-finished
}
