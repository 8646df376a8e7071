module csms.invalid/seal

go 1.21

require github.com/huaweicloud/golangsdk v0.0.0-20210831081626-d823fe11ceba
