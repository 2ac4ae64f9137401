package db

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

func user(r query.User) gatehouse.User {
	return gatehouse.User{ID: r.ID, Username: r.Username, Name: r.Name, CreatedAt: moment(r.CreatedAt), Disabled: r.Disabled}
}

func member(u query.User, o query.Organization, roles string, joined int64) (*gatehouse.Member, error) {
	r, err := list[gatehouse.Role](roles)
	return &gatehouse.Member{User: user(u), Organization: organization(o), Roles: r, JoinedAt: moment(joined)}, err
}

// CreateUser stores a new user with the hash of a password, as a member of
// m.Organization. It is a Conflict when the username is taken.
func (db *DB) CreateUser(ctx context.Context, m *gatehouse.Member, passwordHash string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error { return t.createUser(ctx, m, passwordHash) })
	return db.explain(err, "user")
}

func (t *tx) createUser(ctx context.Context, m *gatehouse.Member, passwordHash string) error {
	err := t.CreateUser(ctx, query.CreateUserParams{
		ID: m.ID, Username: m.Username, Name: m.Name, PasswordHash: passwordHash, Disabled: m.Disabled, CreatedAt: micros(m.CreatedAt),
	})
	if err != nil {
		return err
	}
	return t.join(ctx, m)
}

// CreateMember makes a user who exists a member of m.Organization. It is a Conflict
// when they are one.
func (db *DB) CreateMember(ctx context.Context, m *gatehouse.Member) error {
	return db.explain(db.change(ctx, func(ctx context.Context, t *tx) error { return t.join(ctx, m) }), "member")
}

func (t *tx) join(ctx context.Context, m *gatehouse.Member) error {
	if err := t.addRoles(ctx, m.Organization.ID, m.Roles); err != nil {
		return err
	}
	return t.CreateMember(ctx, query.CreateMemberParams{
		OrgID: m.Organization.ID, UserID: m.ID, Roles: text(m.Roles), JoinedAt: micros(m.JoinedAt),
	})
}

// addRoles makes the roles an organization does not have yet.
func (t *tx) addRoles(ctx context.Context, orgID string, roles []gatehouse.Role) error {
	for _, r := range roles {
		if slices.Contains(gatehouse.BuiltInRoles, r) {
			continue
		}
		if err := t.AddRole(ctx, query.AddRoleParams{OrgID: orgID, Name: string(r)}); err != nil {
			return err
		}
	}
	return nil
}

// Credentials returns a user and the hash of their password.
func (db *DB) Credentials(ctx context.Context, username string) (*gatehouse.User, string, error) {
	r, err := db.q.UserByUsername(ctx, username)
	if err != nil {
		return nil, "", db.explain(err, "user")
	}
	u := user(r)
	return &u, r.PasswordHash, nil
}

// Member returns a user as a member of an organization.
func (db *DB) Member(ctx context.Context, orgID, userID string) (*gatehouse.Member, error) {
	r, err := db.q.MemberByID(ctx, query.MemberByIDParams{OrgID: orgID, UserID: userID})
	if err != nil {
		return nil, db.explain(err, "member")
	}
	return member(r.User, r.Organization, r.Roles, r.JoinedAt)
}

// MemberByUsername does the same by username.
func (db *DB) MemberByUsername(ctx context.Context, orgID, username string) (*gatehouse.Member, error) {
	r, err := db.q.MemberByUsername(ctx, query.MemberByUsernameParams{OrgID: orgID, Username: username})
	if err != nil {
		return nil, db.explain(err, "member")
	}
	return member(r.User, r.Organization, r.Roles, r.JoinedAt)
}

// Members returns a page of an organization's members, by username.
func (db *DB) Members(ctx context.Context, orgID string, offset, limit int) ([]*gatehouse.Member, error) {
	rows, err := db.q.Members(ctx, query.MembersParams{OrgID: orgID, Limit: int32(limit), Offset: int32(offset)})
	if err != nil {
		return nil, db.explain(err, "member")
	}
	return tryEach(rows, func(r query.MembersRow) (*gatehouse.Member, error) {
		return member(r.User, r.Organization, r.Roles, r.JoinedAt)
	})
}

// Memberships returns the organizations a user belongs to, by key.
func (db *DB) Memberships(ctx context.Context, userID string) ([]gatehouse.Organization, error) {
	rows, err := db.q.Memberships(ctx, userID)
	return each(rows, organization), db.explain(err, "member")
}

// UpdateMember applies rule to a member and stores the roles it leaves.
func (db *DB) UpdateMember(ctx context.Context, orgID, userID string, rule func(*gatehouse.Member) error) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		r, err := t.MemberByID(ctx, query.MemberByIDParams{OrgID: orgID, UserID: userID})
		if err != nil {
			return err
		}
		m, err := member(r.User, r.Organization, r.Roles, r.JoinedAt)
		if err != nil {
			return err
		}
		if err := rule(m); err != nil {
			return err
		}
		if err := t.addRoles(ctx, orgID, m.Roles); err != nil {
			return err
		}
		rows, err := t.UpdateMember(ctx, query.UpdateMemberParams{OrgID: orgID, UserID: userID, Roles: text(m.Roles)})
		if err := one(rows, err, "member"); err != nil {
			return err
		}
		if err := t.ownerChanged(ctx, orgID, userID); err != nil {
			return err
		}
		return t.changed(ctx, gatehouse.RolesChanged, userID)
	})
	return db.explain(err, "member")
}

func (t *tx) ownerChanged(ctx context.Context, orgID, userID string) error {
	clients, err := t.KeysOfMember(ctx, query.KeysOfMemberParams{OwnerID: userID, OrgID: orgID})
	if err != nil {
		return err
	}
	if err := t.changed(ctx, gatehouse.MemberChanged, userID); err != nil {
		return err
	}
	return t.changed(ctx, gatehouse.ClientChanged, clients...)
}

// DeleteMember removes a user from an organization and revokes the tokens that speak
// for them there. A user who belongs to no other organization is removed whole, with
// the applications they own.
func (db *DB) DeleteMember(ctx context.Context, org *gatehouse.Organization, userID string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		if err := t.ownerChanged(ctx, org.ID, userID); err != nil {
			return err
		}
		if err := t.memberGone(ctx, org.ID, userID); err != nil {
			return err
		}
		rows, err := t.DeleteMember(ctx, query.DeleteMemberParams{OrgID: org.ID, UserID: userID})
		if err := one(rows, err, "member"); err != nil {
			return err
		}
		if err := t.DeleteSessionsOf(ctx, userID); err != nil {
			return err
		}
		if err := t.revoke(ctx, gatehouse.RevokeAll(gatehouse.RevokedMember, gatehouse.MemberID(userID, org.Key), db.Now())); err != nil {
			return err
		}
		left, err := t.CountMemberships(ctx, userID)
		if err != nil || left > 0 {
			return err
		}
		_, err = t.DeleteUser(ctx, userID)
		return err
	})
	return db.explain(err, "member")
}

// SetPassword stores the hash of a user's new password, ends their sessions and
// revokes every token that speaks for them.
func (db *DB) SetPassword(ctx context.Context, userID, passwordHash string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.SetPassword(ctx, query.SetPasswordParams{ID: userID, PasswordHash: passwordHash})
		if err := one(rows, err, "user"); err != nil {
			return err
		}
		if err := t.DeleteSessionsOf(ctx, userID); err != nil {
			return err
		}
		if err := t.DeleteDeviceCodesOf(ctx, userID); err != nil { // what was allowed and not fetched yet
			return err
		}
		if err := t.changed(ctx, gatehouse.MemberChanged, userID); err != nil {
			return err
		}
		return t.revoke(ctx, gatehouse.RevokeAll(gatehouse.RevokedUser, userID, db.Now()))
	})
	return db.explain(err, "user")
}

// ReplacePasswordHash stores another hash of the password that a user has. It does nothing
// when the user has a new password by now, and ends no session.
func (db *DB) ReplacePasswordHash(ctx context.Context, userID, before, after string) error {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.ReplacePasswordHash(ctx, query.ReplacePasswordHashParams{ID: userID, Before: before, After: after})
		return err
	})
	return db.explain(err, "user")
}
