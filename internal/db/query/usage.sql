-- name: AddUsage :exec
INSERT INTO usage (unit, at, org_id, api_id, application_id, user_id, method, template, class, code, calls, took, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
ON CONFLICT (unit, at, org_id, api_id, application_id, user_id, method, template, class, code) DO UPDATE SET
	calls = usage.calls + excluded.calls, took = usage.took + excluded.took, l0 = usage.l0 + excluded.l0, l1 = usage.l1 + excluded.l1, l2 = usage.l2 + excluded.l2, l3 = usage.l3 + excluded.l3, l4 = usage.l4 + excluded.l4, l5 = usage.l5 + excluded.l5, l6 = usage.l6 + excluded.l6, l7 = usage.l7 + excluded.l7, l8 = usage.l8 + excluded.l8, l9 = usage.l9 + excluded.l9, l10 = usage.l10 + excluded.l10, l11 = usage.l11 + excluded.l11, l12 = usage.l12 + excluded.l12, l13 = usage.l13 + excluded.l13;

-- name: PurgeUsage :execrows
DELETE FROM usage WHERE unit = $1 AND at < $2;
