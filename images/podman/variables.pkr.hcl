variable "base" {
  type        = string
  description = "The image that it is made from."
}

variable "repository" {
  type        = string
  description = "The name of the image."
}

variable "tag" {
  type        = string
  description = "The tag of the image."
}

variable "run_options" {
  type        = list(string)
  default     = []
  description = "Options of podman run for the container in which it is made."
}

variable "changes" {
  type        = list(string)
  default     = []
  description = "Instructions that are written into the image, such as labels."
}
