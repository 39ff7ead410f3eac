-- The judgements that count, and by which event each of them stands: `standing` names kind, time, offset, event and
-- partition. `superseded` is how many kinds a person said and took back by saying them anew. Of an event's records the
-- earliest is the event; of two with one time the later in the log, which is the one that merges leave.
CREATE OR REPLACE VIEW judgements AS
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
    max((place.2, place.4)) AS feedback_place,
    arrayFilter(
        one -> one.2.3 != '',
        [
            ('comparison', maxIf(place, said.8 != 'null')),
            ('correction', maxIf(place, said.7 != 'null')),
            ('label', maxIf(place, said.4 IS NOT NULL)),
            ('rating', maxIf(place, said.6 IS NOT NULL)),
            ('score', maxIf(place, said.5 IS NOT NULL)),
            ('signal', maxIf(place, said.9 IS NOT NULL))
        ]
    ) AS standing,
    sum(kinds) - length(standing) AS superseded
FROM
(
    SELECT
        app,
        request_id,
        event_id AS id,
        argMin(
            (source, user_id, tenant, label, score, rating, correction, comparison, signal, comment),
            (occurred_at, -toInt64(offset))
        ) AS said,
        (
            min(occurred_at),
            toInt64(argMin(offset, (occurred_at, -toInt64(offset)))),
            event_id,
            any(feedback.partition)
        ) AS place,
        multiIf(
            said.4 IS NOT NULL, 'label',
            said.5 IS NOT NULL, 'score',
            said.6 IS NOT NULL, 'rating',
            said.7 != 'null', 'correction',
            ''
        ) AS verdict,
        (said.4 IS NOT NULL) + (said.5 IS NOT NULL) + (said.6 IS NOT NULL)
            + (said.7 != 'null') + (said.8 != 'null') + (said.9 IS NOT NULL) AS kinds
    FROM feedback
    GROUP BY app, request_id, event_id
)
GROUP BY app, request_id, source, user_id;
