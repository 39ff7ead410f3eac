-- The judgements that count: what each person (source, user) said last of a request, kind by kind. An event that
-- came several times is its first. `verdict_by` is the kind by which they said last whether the answer was right.
CREATE VIEW IF NOT EXISTS judgements AS
SELECT
    app,
    request_id,
    said.1 AS source,
    said.2 AS user_id,
    any(said.3) AS tenant,
    min(place.1) AS first_at,
    max(place.1) AS last_at,
    argMaxIf(said.4, place, said.4 IS NOT NULL) AS label,
    argMaxIf(said.5, place, said.5 IS NOT NULL) AS score,
    argMaxIf(said.6, place, said.6 IS NOT NULL) AS rating,
    if(countIf(said.7 != 'null') = 0, 'null', argMaxIf(said.7, place, said.7 != 'null')) AS correction,
    if(countIf(said.8 != 'null') = 0, 'null', argMaxIf(said.8, place, said.8 != 'null')) AS comparison,
    argMaxIf(said.9, place, said.9 IS NOT NULL) AS signal,
    argMaxIf(said.10, place, said.10 != '') AS comment,
    argMaxIf(verdict, place, verdict != '') AS verdict_by,
    max((place.2, partition)) AS feedback_place
FROM
(
    SELECT
        app,
        request_id,
        event_id AS id,
        argMin(
            (source, user_id, tenant, label, score, rating, correction, comparison, signal, comment),
            (occurred_at, offset)
        ) AS said,
        (min(occurred_at), argMin(offset, (occurred_at, offset)), event_id) AS place,
        any(feedback.partition) AS partition,
        multiIf(
            said.4 IS NOT NULL, 'label',
            said.5 IS NOT NULL, 'score',
            said.6 IS NOT NULL, 'rating',
            said.7 != 'null', 'correction',
            ''
        ) AS verdict
    FROM feedback
    GROUP BY app, request_id, event_id
)
GROUP BY app, request_id, source, user_id;
