package django_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/django"
)

// A shop is the Gin program beside the site: the same pages, on the same database.
type shop struct {
	*ginsession.Manager
	db         *gorm.DB
	secretKeys []string // the first one signs
	url        string
}

func startShop(t *testing.T, s *site, config ginsession.Config) *shop {
	t.Helper()
	manager, err := ginsession.NewManager(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &shop{Manager: manager, db: s.db, secretKeys: append([]string{s.SecretKey}, s.Fallbacks...)}
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(manager.Handler())
	r.GET("/cart/", p.answer)
	r.POST("/cart/", p.fill, p.answer)
	r.POST("/remember/", p.remember, p.answer)
	r.POST("/login/", p.login, p.answer)
	r.POST("/logout/", p.logout, p.answer)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *shop) answer(c *gin.Context) {
	s := ginsession.Get(c)
	cart, _ := ginsession.Value[[]string](s, "cart")
	name, err := p.userName(s)
	if err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
		return
	}
	c.JSON(http.StatusOK, page{User: name, Cart: cart})
}

// A user is a row of auth_user.
type user struct{ ID, Username, Password string }

// userName returns the name of who is signed in, by the rules of Django's get_user.
func (p *shop) userName(s *ginsession.Session) (string, error) {
	id, ok := django.UserID(s)
	if !ok {
		return "", nil
	}
	var u user
	err := p.db.Table("auth_user").Where("id = ? AND is_active", id).Take(&u).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	if err != nil || !django.VerifyAuthHash(s, u.Password, p.secretKeys...) {
		return "", err
	}
	return u.Username, nil
}

func (p *shop) fill(c *gin.Context) {
	s := ginsession.Get(c)
	cart, _ := ginsession.Value[[]string](s, "cart")
	s.Set("cart", append(cart, c.PostForm("item")))
}

// remember lets the session live for so many seconds of inactivity, or until then.
func (p *shop) remember(c *gin.Context) {
	seconds, err := strconv.Atoi(c.PostForm("seconds"))
	if err != nil {
		_ = c.AbortWithError(http.StatusBadRequest, err)
		return
	}
	life := time.Duration(seconds) * time.Second
	expiry := ginsession.ExpireAfter(life)
	if c.PostForm("until") == "true" {
		expiry = ginsession.ExpireAt(time.Now().Add(life))
	}
	ginsession.Get(c).SetExpiry(expiry)
}

// login stands for a sign-in by other means than Django's password.
func (p *shop) login(c *gin.Context) {
	var u user
	err := p.db.Table("auth_user").Where("username = ?", c.PostForm("username")).Take(&u).Error
	if err == nil {
		err = django.Login(ginsession.Get(c), django.User{ID: u.ID, EncodedPassword: u.Password}, p.secretKeys[0])
	}
	if err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
	}
}

func (p *shop) logout(c *gin.Context) {
	if err := django.Logout(ginsession.Get(c)); err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
	}
}
